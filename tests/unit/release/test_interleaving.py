"""A stale worker and a newer deploy that take turns at every call, in orders that Hypothesis chooses."""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from laambda.domain.build import BuildState
from laambda.errors import LeaseLost
from tests.unit.release.conftest import Farm, make_farm
from tests.unit.release.test_faults import BOTH, SCENARIOS, Scenario, attempt, served_as_released

STALE, NEW = "stale", "new"


class Baton:
    """Lets one of two threads run at a time, which hands over at the calls numbered in ``handovers``."""

    def __init__(self, handovers: set[int]) -> None:
        self._handovers = handovers
        self._calls = itertools.count()
        self._changed = threading.Condition()
        self._running = {STALE, NEW}
        self._turn = STALE

    def pause(self) -> None:
        me = threading.current_thread().name
        if me in (STALE, NEW) and next(self._calls) in self._handovers:
            self._hand_over(me)
            self._wait(me)

    def run(self, me: str, work: Callable[[], None]) -> threading.Thread:
        def body() -> None:
            self._wait(me)
            try:
                work()
            finally:
                with self._changed:
                    self._running.discard(me)
                self._hand_over(me)

        thread = threading.Thread(target=body, name=me)
        thread.start()
        return thread

    def _hand_over(self, me: str) -> None:
        with self._changed:
            self._turn = next(iter(self._running - {me}), me)
            self._changed.notify_all()

    def _wait(self, me: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._turn == me, timeout=30)


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(scenario=some.sampled_from(SCENARIOS), handovers=some.sets(some.integers(0, 70), min_size=1, max_size=5))
def test_the_newer_deploy_wins_whole(migrated: Path, scenario: Scenario, handovers: set[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        farm = make_farm(Path(folder), migrated)
        build = scenario.start(farm)
        outcome: dict[str, object] = {}

        def stale() -> None:
            outcome[STALE] = attempt(farm, build)

        def new() -> None:
            row = farm.row(build)
            if row.state is BuildState.RUNNING and row.published:
                farm.run(farm.taken_over(build))
            elif row.state is BuildState.RUNNING:
                farm.fails(build, BuildState.ERRORED)
            outcome[NEW] = farm.run(farm.push("three")).state

        take_turns(farm, handovers, stale, new)
        assert outcome[NEW] is BuildState.SUCCEEDED
        assert outcome[STALE] is None or isinstance(outcome[STALE], LeaseLost)
        assert farm.codes() == dict.fromkeys(BOTH, "sha-three")
        assert served_as_released(farm, farm.app().live)


def take_turns(farm: Farm, handovers: set[int], stale: Callable[[], None], new: Callable[[], None]) -> None:
    baton = Baton(handovers)
    farm.functions.around = lambda when, call, name: baton.pause()
    for thread in [baton.run(STALE, stale), baton.run(NEW, new)]:
        thread.join()
