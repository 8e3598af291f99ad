"""The end of a row: everything in one transaction, or nothing."""

from __future__ import annotations

import pytest

from laambda.domain.build import BuildKind, BuildState, Step
from laambda.domain.release import ReleaseState
from laambda.errors import Conflict, LeaseLost
from laambda.release.begin import AnotherDeploys
from laambda.release.record import fail, record
from tests.unit.release.conftest import API, Farm, main


def test_a_row_that_was_taken_over_is_not_recorded(farm: Farm) -> None:
    build = farm.push("one", refs=main("0", "a"))
    result = farm.deploy(build)
    with farm.services.database.write() as tx:
        assert tx.leases.checkpoint(build.id, build.token, Step.DEPLOY, result=result, seconds=0, lease=30)
        stale = tx.leases.start_link(build.id, build.token, Step.RECORD, lease=30)
    assert stale is not None
    farm.taken_over(stale)
    with pytest.raises(LeaseLost):
        record(farm.context(stale))
    assert farm.release(1).state is ReleaseState.PENDING
    assert (farm.app().live, farm.refs()) == (0, {})


def test_failing_a_row_that_never_deployed_only_frees_its_refs(farm: Farm) -> None:
    build = farm.push("one", refs=main("0", "a"))
    with farm.services.database.write() as tx:
        fail(tx, tx.builds.get(build.id))
    assert farm.row(build).version is None


def test_failing_an_ended_release_changes_nothing(farm: Farm) -> None:
    build = farm.run(farm.push("one"))
    with farm.services.database.write() as tx:
        fail(tx, build)
    assert farm.release(1).state is ReleaseState.SUCCEEDED


def test_a_ref_is_kept_for_the_deploy_that_reserved_it(farm: Farm) -> None:
    build = farm.push("one", refs=main("0", "a"))
    farm.deploy(build)
    with farm.services.database.write() as tx, pytest.raises(Conflict):
        tx.refs.move(API, main("0", "b"))


def move_main(farm: Farm, old: str, new: str) -> None:
    with farm.services.database.write() as tx:
        tx.refs.move(API, main(old, new))


def test_a_retry_whose_ref_was_there_when_it_began_is_recorded_wherever_the_ref_goes(farm: Farm) -> None:
    move_main(farm, "0", "a")
    retry = farm.push("one", kind=BuildKind.RETRY, refs=main("0", "a"))
    result = farm.deploy(retry)
    move_main(farm, "a", "b")
    assert farm.record(retry, result).state is BuildState.SUCCEEDED
    assert (farm.app().live, farm.refs()) == (1, {"refs/heads/main": "b" * 40})


def test_a_retry_that_reserved_its_ref_moves_it(farm: Farm) -> None:
    retry = farm.push("one", kind=BuildKind.RETRY, refs=main("0", "a"))
    result = farm.deploy(retry)
    with pytest.raises(Conflict, match="is being released"):
        move_main(farm, "0", "b")
    farm.record(retry, result)
    assert farm.refs() == {"refs/heads/main": "a" * 40}


def test_a_push_whose_deploy_must_wait_takes_no_version(farm: Farm) -> None:
    farm.run(farm.push("one"))
    second = farm.push("two")
    rollback = farm.roll_back(1)
    with pytest.raises(AnotherDeploys):
        farm.deploy(second)
    waiting = farm.row(second)
    assert (waiting.version, waiting.attempt, waiting.lease_until) == (None, 0, waiting.lease_until)
    assert farm.run(rollback).version == 2
    assert farm.run(farm.claimed(second)).version == 3
