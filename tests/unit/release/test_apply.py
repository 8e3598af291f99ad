"""Working on several functions at once, and waiting."""

from __future__ import annotations

import threading

import pytest

from laambda.errors import InvalidInput, LeaseLost, Unavailable
from laambda.release.apply import in_parallel
from laambda.release.pace import Pace
from tests.unit.release.conftest import Clock, Farm, fast


def test_results_come_in_the_order_of_the_items() -> None:
    gate = threading.Barrier(3, timeout=5)

    def together(number: int) -> int:
        gate.wait()
        return number * 10

    assert in_parallel(together, [1, 2, 3], workers=3) == [10, 20, 30]


def test_all_have_ended_before_the_gravest_error_is_raised() -> None:
    errors = [Unavailable("later"), LeaseLost("taken over"), InvalidInput("refused")]
    ended: list[int] = []

    def failing(number: int) -> None:
        ended.append(number)
        raise errors[number]

    with pytest.raises(LeaseLost):
        in_parallel(failing, [0, 1, 2], workers=3)
    with pytest.raises(InvalidInput):
        in_parallel(failing, [0, 2], workers=3)
    assert sorted(ended) == [0, 0, 1, 2, 2]


def test_waits_grow_with_jitter_and_end() -> None:
    clock = Clock()
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 4))
        clock.sleep(seconds)

    pace = Pace(first=0.1, longest=0.3, clock=clock, sleep=sleep, chance=lambda: 0.0)
    assert len(list(pace.tries(0.5))) == 6
    assert slept == [0.05, 0.08, 0.128, 0.15, 0.15]


def test_functions_are_worked_on_side_by_side(farm: Farm) -> None:
    farm.pace = fast(workers=2)
    gate = threading.Barrier(2, timeout=5)
    farm.functions.around = lambda when, call, _: gate.wait() if (when, call) == ("before", "create") else None
    farm.run(farm.push("one"))
    assert set(farm.codes()) == {"api-create", "api-resize"}


def test_an_update_that_aws_could_not_finish_fails_with_its_reason(farm: Farm) -> None:
    farm.run(farm.push("one"))
    held = farm.functions.held["api-create"]

    def broken(when: str, call: str, name: str) -> None:
        if (when, call, name) == ("after", "update_code", "api-create"):
            held.failure = "no such subnet"

    farm.functions.around = broken
    with pytest.raises(InvalidInput, match="api-create could not be updated: no such subnet"):
        farm.deploy(farm.push("two"))
    assert farm.codes()["api-create"] == "sha-one"
