"""Whose turn it is, as pure rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from laambda.domain.build import BuildKind, Phase, Step
from laambda.domain.names import Scope
from laambda.store.turns import Waiting, next_turns, overtaken

MAIN = frozenset({"refs/heads/main"})


def push(number: int, app: str = "api", **more: Any) -> Waiting:
    values = {
        "kind": BuildKind.PUSH,
        "step": Step.EXTRACT,
        "phase": None,
        "detached": False,
        "idle": True,
        "sent": False,
        "refs": MAIN,
    }
    return Waiting(id=number, scope=Scope(app), **{**values, **more})


def act(number: int, kind: BuildKind = BuildKind.CONFIG, **more: Any) -> Waiting:
    return push(number, **{"kind": kind, "step": Step.DEPLOY, "refs": frozenset(), **more})


def deploying(number: int, **more: Any) -> Waiting:
    return push(number, **{"step": Step.DEPLOY, "phase": Phase.DEPLOYING, "idle": False, **more})


def building(number: int, **more: Any) -> Waiting:
    return push(number, **{"phase": Phase.BUILDING, "idle": False, **more})


def at(minute: int) -> datetime:
    return datetime(2026, 3, 1, 12, minute, tzinfo=UTC)


def test_apps_take_turns_by_their_last_start() -> None:
    rows = [push(1, "a", last_start=at(2)), push(2, "b", last_start=at(1)), push(3, "c")]
    assert next_turns(rows, 10) == [3, 2, 1]
    assert next_turns(rows, 1) == [3]
    assert next_turns(rows, 0) == []


def test_what_only_deploys_needs_no_slot() -> None:
    rows = [push(1, "a"), act(2, BuildKind.ROLLBACK, app="b"), act(3, app="c")]
    assert next_turns(rows, 0) == [2, 3]


def test_an_app_with_many_rows_sends_one() -> None:
    assert next_turns([push(number, detached=True) for number in range(5)], 10) == [0]


def test_an_apps_second_row_comes_after_every_apps_first() -> None:
    rows = [push(1, "a"), act(2, app="a"), push(3, "b", last_start=at(1))]
    assert next_turns(rows, 10) == [1, 3, 2]


def test_rollbacks_go_first_in_the_farm_and_in_the_app() -> None:
    rows = [push(1, "a"), act(2, app="b"), act(3, BuildKind.ROLLBACK, app="b", last_start=at(1))]
    assert next_turns(rows, 10) == [3, 1]


def test_what_is_on_its_way_holds_its_phase() -> None:
    assert next_turns([push(1, detached=True, sent=True), push(2, detached=True)], 10) == []


def test_an_occupied_phase_waits_and_the_other_goes() -> None:
    assert next_turns([building(1), push(2, detached=True), act(3)], 10) == [3]
    assert next_turns([deploying(1), push(2, detached=True), act(3)], 10) == [2]


def test_an_attached_push_does_not_start_while_its_app_deploys() -> None:
    assert next_turns([deploying(1, refs=frozenset()), push(2)], 10) == []
    assert next_turns([act(1, sent=True), push(2)], 10) == []


def test_an_attached_push_that_was_building_goes_on_while_its_app_deploys() -> None:
    assert next_turns([deploying(1), building(2, idle=True, refs=frozenset())], 10) == [2]


def test_an_attached_push_waits_for_an_older_one_of_its_ref() -> None:
    older = building(1, detached=False, phase=Phase.DEPLOYING, step=Step.UPLOAD)
    assert next_turns([older, push(2)], 10) == []
    assert next_turns([push(1), push(2)], 10) == [1]


def test_an_expired_row_goes_before_queued_ones_of_its_phase() -> None:
    assert next_turns([act(1), deploying(2, idle=True)], 10) == [2]


def test_a_built_row_waits_for_the_deploy_phase_and_keeps_its_own() -> None:
    built = building(2, step=Step.DEPLOY, idle=True)
    assert next_turns([deploying(1), built, push(3, detached=True)], 10) == []
    assert next_turns([built, push(3, detached=True)], 10) == [2]


def alone(number: int, **more: Any) -> Waiting:
    return push(number, **{"detached": True, **more})


def test_the_newest_of_an_app_and_ref_overtakes_the_queued_ones_before_it() -> None:
    assert overtaken([alone(1), alone(2), alone(3)]) == {1: 3, 2: 3}
    assert overtaken([alone(1), alone(2, app="web"), alone(3, refs=frozenset({"refs/heads/master"}))]) == {}


def test_a_retry_overtakes_and_is_overtaken_as_a_detached_push_is() -> None:
    retries = [push(number, kind=BuildKind.RETRY) for number in (1, 2)]
    assert overtaken([*retries, alone(3)]) == {1: 3, 2: 3}
    assert overtaken([alone(1), push(2, kind=BuildKind.RETRY)]) == {1: 2}


def test_what_runs_or_is_waited_for_or_moves_no_ref_is_not_overtaken() -> None:
    assert overtaken([alone(1, phase=Phase.BUILDING), push(2), act(3), alone(4, refs=frozenset()), alone(5)]) == {}
    assert overtaken([alone(1), push(2)]) == {}


ROWS = st.lists(
    st.builds(
        push,
        number=st.integers(1, 10_000),
        app=st.sampled_from("abc"),
        kind=st.sampled_from(BuildKind),
        step=st.sampled_from(Step),
        phase=st.sampled_from([None, *Phase]),
        detached=st.booleans(),
        idle=st.booleans(),
        sent=st.booleans(),
    ),
    max_size=12,
    unique_by=lambda row: row.id,
)


@given(ROWS, st.integers(0, 5))
def test_never_two_rows_of_an_app_in_one_phase(rows: list[Waiting], limit: int) -> None:
    by_id = {row.id: row for row in rows}
    chosen = [by_id[number] for number in next_turns(rows, limit)]
    assert sum(row.wants is Phase.BUILDING for row in chosen) <= limit
    for row in chosen:
        others = [other for other in rows if other.scope == row.scope and other.id != row.id]
        assert row.idle
        assert not row.sent
        assert all(other.phase is not row.wants for other in others)
        assert all(other.wants is not row.wants for other in others if other.sent or other in chosen)
