"""Cancelling: before the deploy begins the row ends at once and whoever waits is told; afterwards it is refused."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from laambda.dispatch.cancel import cancel
from laambda.dispatch.requests import roll_back
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild, Step
from laambda.domain.refs import ZERO, RefUpdate
from laambda.errors import BuildFailed, Conflict, LeaseLost, NotFound
from laambda.ports import LinkContext
from laambda.source.wait import wait_for
from tests.unit.dispatch.conftest import API, House, nothing

MAIN = (RefUpdate("refs/heads/main", ZERO, "1" * 40),)


def test_a_queued_build_ends_at_once_and_says_by_whom(house: House) -> None:
    build = house.push()
    ended = cancel(house.services, build.id, "ada", house.limits)
    assert (ended.state, ended.error) == (BuildState.CANCELLED, "cancelled by ada")
    assert house.output.said(build.id) == [f" !     Build {build.id} was cancelled by ada"]
    assert house.output.closed(build.id)


def test_who_cancelled_is_kept(house: House) -> None:
    build = house.push()
    cancel(house.services, build.id, "ada", house.limits)
    with house.services.database.read() as tx:
        entry = tx.audit.recent(1)[0]
    assert (entry.actor, entry.action, entry.detail) == ("ada", "cancel", f"Build {build.id}: Deploy abc1234")


def test_a_build_between_two_links_goes_no_further(house: House) -> None:
    build = house.push()
    held = house.run(build, Step.EXTRACT, nothing)
    assert held is not None
    cancel(house.services, build.id, "ada", house.limits)
    assert house.run(build, Step.DETECT, nothing, token=held.token) is None
    assert house.row(build.id).state is BuildState.CANCELLED


def test_a_build_that_waits_for_its_next_attempt_is_cancelled_too(house: House) -> None:
    build = house.push()
    held = house.run(build, Step.EXTRACT, nothing)
    assert held is not None
    with house.services.database.write() as tx:
        assert tx.leases.hand_back(build.id, held.token, counted=True, delay=8)
    assert cancel(house.services, build.id, "ada", house.limits).state is BuildState.CANCELLED


def test_the_next_build_gets_its_turn(house: House) -> None:
    first = house.push()
    house.run(first, Step.EXTRACT, nothing)
    second = house.push()
    house.queue.take()
    cancel(house.services, first.id, "ada", house.limits)
    assert [sent.build_id for sent in house.queue.take()] == [second.id]


def test_what_a_cancelled_step_raises_is_not_told(house: House) -> None:
    build = house.push()

    def work(_: LinkContext) -> Mapping[str, Any]:
        cancel(house.services, build.id, "ada", house.limits)
        raise BuildFailed("the resolver was cut off")

    house.run(build, Step.EXTRACT, work)
    assert house.output.said(build.id) == [f" !     Build {build.id} was cancelled by ada"]
    assert house.row(build.id).state is BuildState.CANCELLED


def test_the_workspace_of_a_cancelled_build_goes(house: House) -> None:
    build = house.push()

    def work(context: LinkContext) -> Mapping[str, Any]:
        context.workspace.mkdir(parents=True)
        cancel(house.services, build.id, "ada", house.limits)
        raise LeaseLost("cancelled")

    house.run(build, Step.EXTRACT, work)
    assert not (house.node().workspaces / str(build.id)).exists()


def test_a_running_deploy_is_not_cancelled(house: House) -> None:
    build = house.push()
    held = house.run_until(build, Step.DEPLOY)
    with house.services.database.write() as tx:
        assert tx.leases.start_link(build.id, held.token, Step.DEPLOY, lease=house.limits.lease)
        assert tx.leases.enter_deploy(build.id, held.token, version=1, config_id=None)
    with pytest.raises(Conflict, match="is being deployed") as refused:
        cancel(house.services, build.id, "ada", house.limits)
    assert "laambda rollback -a api" in refused.value.hint
    assert house.row(build.id).state is BuildState.RUNNING


def test_an_ended_build_is_not_cancelled(house: House) -> None:
    build = house.push()
    cancel(house.services, build.id, "ada", house.limits)
    with pytest.raises(Conflict, match="has ended already: cancelled"):
        cancel(house.services, build.id, "ada", house.limits)


def test_no_such_build_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        cancel(house.services, 99, "ada", house.limits)


def waiting_push(house: House) -> tuple[Build, threading.Thread, list[str]]:
    """An attached push, and the lines that its waiting client is told until the thread ends."""
    with house.services.database.write() as tx:
        build = tx.builds.add(NewBuild(API, BuildKind.PUSH, "jim", "Deploy", refs=MAIN))
    told: list[str] = []
    thread = threading.Thread(target=wait_for, args=(build.id, house.services, told.append), kwargs={"patience": 60})
    thread.start()
    return build, thread, told


@pytest.mark.parametrize("running", [False, True])
def test_a_push_that_waits_is_told_of_its_cancellation(house: House, running: bool) -> None:
    build, thread, told = waiting_push(house)
    if running:
        house.run(build, Step.EXTRACT, nothing)
    cancel(house.services, build.id, "ada", house.limits)
    thread.join(10)
    assert not thread.is_alive()
    assert told == [f" !     Build {build.id} was cancelled by ada"]


@pytest.mark.parametrize("running", [False, True])
def test_a_push_that_waits_is_told_of_the_rollback_that_went_first(house: House, running: bool) -> None:
    house.release()
    house.release()
    build, thread, told = waiting_push(house)
    if running:
        house.run(build, Step.EXTRACT, nothing)
    rollback = roll_back(house.services, API, 1, "ada", house.limits)
    thread.join(10)
    assert not thread.is_alive()
    assert told == [f" !     Build {build.id} was cancelled by a rollback to v1"]
    assert house.queue.take()[-1].build_id == rollback.id
