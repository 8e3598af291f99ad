"""The state machine of a build, and the chain of each kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laambda.domain.build import BuildKind, BuildState, Phase, Step, may_become, phase_of, steps_from, steps_of

STATES = st.sampled_from(BuildState)
KINDS = st.sampled_from(BuildKind)


@given(STATES, STATES)
def test_an_end_is_final(old: BuildState, new: BuildState) -> None:
    assert not (old.ended and may_become(old, new))


@given(STATES.filter(lambda state: state.ended))
def test_a_queued_row_may_end_any_way(end: BuildState) -> None:
    assert may_become(BuildState.QUEUED, end)
    assert may_become(BuildState.RUNNING, end) is (end is not BuildState.SUPERSEDED)


def test_a_row_runs_is_claimed_again_and_goes_back_to_the_queue() -> None:
    assert may_become(BuildState.QUEUED, BuildState.RUNNING)
    assert may_become(BuildState.RUNNING, BuildState.RUNNING)
    assert may_become(BuildState.RUNNING, BuildState.QUEUED)
    assert not may_become(BuildState.QUEUED, BuildState.QUEUED)


@given(st.lists(STATES, min_size=1, max_size=10))
def test_every_legal_history_has_at_most_one_end(states: list[BuildState]) -> None:
    history = [BuildState.QUEUED]
    for state in states:
        if may_become(history[-1], state):
            history.append(state)
    assert sum(state.ended for state in history) <= 1


@pytest.mark.parametrize("kind", [BuildKind.PUSH, BuildKind.RETRY])
def test_what_builds_runs_through_all_links(kind: BuildKind) -> None:
    assert steps_of(kind) == tuple(Step)


@given(KINDS)
def test_every_chain_ends_in_deploy_and_record(kind: BuildKind) -> None:
    assert steps_of(kind)[-2:] == (Step.DEPLOY, Step.RECORD)


@given(KINDS.flatmap(lambda kind: st.tuples(st.just(kind), st.sampled_from(steps_of(kind)))))
def test_a_chain_goes_on_from_any_of_its_links(chosen: tuple[BuildKind, Step]) -> None:
    kind, step = chosen
    rest = steps_from(kind, step)
    assert rest[0] is step
    assert steps_of(kind)[-len(rest) :] == rest


def test_a_kind_without_a_build_has_no_link_that_builds() -> None:
    with pytest.raises(ValueError, match="tuple"):
        steps_from(BuildKind.ROLLBACK, Step.EXTRACT)


def test_only_deploy_and_record_deploy() -> None:
    assert [step for step in Step if phase_of(step) is Phase.DEPLOYING] == [Step.DEPLOY, Step.RECORD]
