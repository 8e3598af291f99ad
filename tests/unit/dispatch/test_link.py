"""One link of the chain: who may run it, and what its end does to the row."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from laambda.build import WorkspaceGone
from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.link import FIRST_RETRY
from laambda.domain.build import Build, BuildState, Step, steps_of
from laambda.domain.release import Release, ReleaseState
from laambda.errors import BuildFailed, Conflict, LeaseLost, NotFound, Unavailable
from laambda.ports import LinkContext
from laambda.release.published import Undone
from tests.fakes.objects import FakeObjects
from tests.fakes.queue import Sent
from tests.unit.dispatch.conftest import API, House, nothing


class Raises:
    """A step that fails."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, _: LinkContext) -> Mapping[str, Any]:
        raise self.error


def never(_: LinkContext) -> Mapping[str, Any]:
    raise AssertionError("this link must not run")


def test_the_first_link_claims_works_and_checkpoints(house: House) -> None:
    build = house.push()
    held = house.run(build, Step.EXTRACT, lambda context: {"node": context.build.node})
    assert held is not None
    row = house.row(build.id)
    assert (row.state, row.step, row.token, row.attempt) == (BuildState.RUNNING, Step.DETECT, held.token, 1)
    assert row.results["extract"] == {"node": "a"}
    assert set(row.timings) == {"extract"}


def test_the_next_link_goes_on_under_the_same_token_and_sees_the_earlier_results(house: House) -> None:
    build = house.push()
    held = house.run(build, Step.EXTRACT, lambda _: {"files": 3})
    assert held is not None
    seen: list[Any] = []
    house.run(build, Step.DETECT, lambda context: seen.append(context.build.results) or {}, token=held.token)
    assert seen == [{"extract": {"files": 3}}]
    assert house.row(build.id).step is Step.BUILD


def test_a_link_delivered_twice_runs_once(house: House) -> None:
    build = house.push()
    held = house.run(build, Step.EXTRACT, nothing)
    assert held is not None
    house.run(build, Step.DETECT, nothing, token=held.token)
    assert house.run(build, Step.DETECT, never, token=held.token) is None


def test_a_second_copy_of_a_running_link_is_refused(house: House) -> None:
    build = house.push()
    held = house.run(build, Step.EXTRACT, nothing)
    assert held is not None
    copies: list[Build | None] = []

    def work(_: LinkContext) -> Mapping[str, Any]:
        copies.append(house.run(build, Step.DETECT, never, token=held.token))
        return {}

    assert house.run(build, Step.DETECT, work, token=held.token) is not None
    assert copies == [None]


def test_a_claiming_link_finds_a_held_row_taken(house: House) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, nothing)
    assert house.run(build, Step.EXTRACT, never, node="b") is None


def test_a_stale_token_is_worth_nothing_after_a_take_over(house: House) -> None:
    build = house.push()
    first = house.run(build, Step.EXTRACT, nothing)
    assert first is not None
    house.clock.pass_(house.limits.lease + 1)
    assert house.run(build, Step.DETECT, nothing, node="b") is not None
    assert house.run(build, Step.BUILD, never, token=first.token) is None


def test_work_that_ends_after_a_take_over_changes_nothing(house: House) -> None:
    build = house.push()

    def slow(_: LinkContext) -> Mapping[str, Any]:
        house.clock.pass_(house.limits.lease + 1)
        assert house.run(build, Step.EXTRACT, lambda _: {"by": "b"}, node="b") is not None
        return {"by": "a"}

    assert house.run(build, Step.EXTRACT, slow) is None
    row = house.row(build.id)
    assert (row.node, row.results["extract"]) == ("b", {"by": "b"})


def test_a_chain_from_too_early_sends_the_right_one_to_its_node(house: House) -> None:
    build = house.push()
    house.run_until(build, Step.ZIP)
    house.clock.pass_(house.limits.lease + 1)
    house.queue.take()
    assert house.run(build, Step.EXTRACT, never, node="b") is None
    row = house.row(build.id)
    rest = (Step.ZIP, Step.UPLOAD, Step.DEPLOY, Step.RECORD)
    assert house.queue.take() == [Sent(build.id, rest, "node.b", row.token)]
    assert house.run(build, Step.ZIP, nothing, token=row.token, node="b") is not None


def test_their_error_ends_the_row_and_says_why(house: House) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, Raises(BuildFailed("no Procfile", hint="Add one")))
    row = house.row(build.id)
    assert (row.state, row.error, row.phase) == (BuildState.FAILED, "no Procfile. Add one", None)
    assert house.output.said(build.id) == [" !     no Procfile", " !     Add one"]
    assert house.output.closed(build.id)


def test_the_lines_of_an_ended_build_are_kept_for_good(house: House) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, Raises(BuildFailed("no Procfile")))
    assert house.services.objects.exists(f"outputs/{build.id}.txt")


def test_our_error_hands_the_row_to_the_next_attempt(house: House) -> None:
    build = house.push()
    house.queue.take()
    house.run(build, Step.EXTRACT, Raises(Unavailable("the object store did not answer")))
    assert house.row(build.id).state is BuildState.RUNNING
    assert house.queue.take() == []
    house.clock.pass_(FIRST_RETRY)
    dispatch(house.services, house.limits)
    assert house.queue.take() == [Sent(build.id, steps_of(build.kind), "builds", None)]
    assert house.run(build, Step.EXTRACT, nothing, node="b") is not None
    assert "-----> Attempt 2: going on at extract" in house.output.said(build.id)


def test_our_error_ends_the_row_when_attempts_are_used_up(house: House) -> None:
    build = house.push()
    for _ in range(house.limits.attempts):
        house.run(build, Step.EXTRACT, Raises(Unavailable("the object store did not answer")))
    row = house.row(build.id)
    assert (row.state, row.attempt) == (BuildState.ERRORED, 3)
    assert row.error == "the object store did not answer"


def test_a_bug_in_a_step_is_ours_and_its_words_stay_inside(house: House) -> None:
    build = house.push()
    for _ in range(house.limits.attempts):
        house.run(build, Step.EXTRACT, Raises(RuntimeError("password=hunter2")))
    assert house.row(build.id).error == "internal error in the step extract"
    assert "hunter2" not in " ".join(house.output.said(build.id))


def test_a_lost_lease_writes_nothing(house: House) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, Raises(LeaseLost("a newer claim")))
    row = house.row(build.id)
    assert (row.state, row.step, row.error) == (BuildState.RUNNING, Step.EXTRACT, "")
    assert house.output.said(build.id) == []


def test_a_missing_workspace_starts_again_at_extract_on_this_node(house: House) -> None:
    build = house.push()
    held = house.run_until(build, Step.BUILD)
    house.queue.take()
    house.run(build, Step.BUILD, Raises(WorkspaceGone("tree/ is gone")), token=held.token)
    row = house.row(build.id)
    assert (row.step, row.token, row.results) == (Step.EXTRACT, held.token, {})
    assert house.queue.take() == [Sent(build.id, steps_of(build.kind), "node.a", held.token)]
    assert house.run(build, Step.EXTRACT, nothing, token=held.token) is not None


def publish(house: House) -> Build:
    """A row past the point of no return."""
    build = house.push()
    held = house.run_until(build, Step.DEPLOY)
    with house.services.database.write() as tx:
        assert tx.leases.start_link(build.id, held.token, Step.DEPLOY, lease=house.limits.lease)
        assert tx.leases.enter_deploy(build.id, held.token, version=tx.versions.take(API), config_id=None)
        tx.releases.add(Release(API, 1, ReleaseState.PENDING, build.kind, build.id, "", "jim", house.clock()))
        assert tx.leases.mark_published(build.id, held.token, result={})
    return build


def test_past_the_point_of_no_return_no_count_of_attempts_ends_a_row(house: House) -> None:
    build = publish(house)
    for _ in range(5):
        house.clock.pass_(house.limits.lease + 1)
        house.run(build, Step.DEPLOY, Raises(Unavailable("the cloud did not answer")))
    row = house.row(build.id)
    assert (row.state, row.published, row.attempt) == (BuildState.RUNNING, True, 6)


def test_past_the_point_of_no_return_no_refusal_ends_a_row_but_that_of_a_deploy_that_was_undone(house: House) -> None:
    build = publish(house)
    house.clock.pass_(house.limits.lease + 1)
    house.run(build, Step.DEPLOY, Raises(NotFound("no such environment")))
    assert house.row(build.id).state is BuildState.RUNNING
    house.clock.pass_(house.limits.lease + 1)
    house.run(build, Step.DEPLOY, Raises(Undone("no such role", hint="Make one")))
    row = house.row(build.id)
    assert (row.state, row.error) == (BuildState.FAILED, "no such role. Make one")


def test_a_refusal_while_a_release_is_recorded_fails_no_row(house: House) -> None:
    build = publish(house)
    house.clock.pass_(house.limits.lease + 1)
    held = house.run(build, Step.DEPLOY, nothing)
    assert held is not None
    house.run(build, Step.RECORD, Raises(Conflict("main moved")), token=held.token)
    assert (house.row(build.id).state, house.output.said(build.id)[1:]) == (BuildState.RUNNING, [])


class Watched(FakeObjects):
    """What is put waits until the lease of the link that puts it beats no more."""

    def put(self, key: str, data: bytes) -> None:
        for thread in threading.enumerate():
            if thread.name.startswith("lease of"):
                thread.join(timeout=30)
        super().put(key, data)


def test_lines_that_take_long_to_archive_lose_no_lease(house: House) -> None:
    house.services = replace(house.services, objects=Watched(house.folder / "objects"))
    build = house.push()
    held = house.run_until(build, Step.RECORD)

    def record(context: LinkContext) -> Mapping[str, Any]:
        with house.services.database.write() as tx:
            assert tx.leases.finish(build.id, context.lease.token, BuildState.SUCCEEDED)
        return {}

    house.run(build, Step.RECORD, record, token=held.token)
    assert house.services.objects.exists(f"outputs/{build.id}.txt")
    assert house.stopped == []


@pytest.mark.parametrize("error", [BuildFailed("no"), Unavailable("no"), RuntimeError("no")])
def test_an_end_frees_the_apps_turn_for_the_next_row(house: House, error: Exception) -> None:
    first = house.push()
    house.run(first, Step.EXTRACT, nothing)
    second = house.push()
    assert second.id not in [sent.build_id for sent in house.queue.take()]
    house.clock.pass_(house.limits.lease + 1)
    for _ in range(house.limits.attempts - 1):
        house.run(first, Step.DETECT, Raises(error))
    assert house.row(first.id).state.ended
    assert [sent.build_id for sent in house.queue.take()][-1] == second.id


def test_a_message_for_no_row_is_harmless(house: House) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, Raises(BuildFailed("no")))
    assert house.run(build, Step.EXTRACT, never) is None
    assert house.run(build, Step.DETECT, never, token=build.token) is None
