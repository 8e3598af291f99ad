"""What people ask of the farm, and what is refused before there is a row."""

from __future__ import annotations

import pytest

from laambda.config.bags import open_change, open_vars
from laambda.dispatch.requests import change_config, roll_back
from laambda.domain.build import BuildKind, BuildState, Step
from laambda.domain.config import ConfigChange, ConfigVars
from laambda.domain.release import ReleaseState
from laambda.errors import Conflict, InvalidInput, NotFound
from tests.unit.dispatch.conftest import API, House, nothing

SET = ConfigChange(values={"TOKEN": "hunter2"})


def head(house: House) -> ConfigVars:
    with house.services.database.read() as tx:
        config_id = tx.apps.get(API).config_id
        assert config_id is not None
        return open_vars(house.services.vault, API, tx.config.get(config_id))


def test_a_row_is_asked_for_by_somebody_and_that_is_kept(house: House) -> None:
    house.push()
    with house.services.database.read() as tx:
        entry = tx.audit.recent(1)[0]
    assert (entry.actor, entry.action, entry.subject, entry.detail) == ("jim", "push", "api", "Deploy abc1234")


def test_config_of_an_app_without_a_release_changes_at_once(house: House) -> None:
    assert change_config(house.services, API, SET, "jim", house.limits) is None
    assert dict(head(house)) == {"TOKEN": "hunter2"}


def test_changes_before_the_first_release_add_up(house: House) -> None:
    change_config(house.services, API, SET, "jim", house.limits)
    change_config(house.services, API, ConfigChange(values={"MODE": "fast"}), "jim", house.limits)
    change_config(house.services, API, ConfigChange(unset=("TOKEN",)), "jim", house.limits)
    assert dict(head(house)) == {"MODE": "fast"}


def test_config_is_refused_while_the_first_release_is_being_deployed(house: House) -> None:
    change_config(house.services, API, SET, "jim", house.limits)
    build = house.run_until(house.push(), Step.DEPLOY)
    with house.services.database.write() as tx:
        bag = tx.apps.get(API).config_id
        assert tx.leases.enter_deploy(build.id, build.token, version=tx.versions.take(API), config_id=bag)
    with pytest.raises(Conflict, match="the first release of api is being deployed"):
        change_config(house.services, API, ConfigChange(unset=("TOKEN",)), "jim", house.limits)
    assert dict(head(house)) == {"TOKEN": "hunter2"}
    with house.services.database.write() as tx:
        assert tx.leases.finish(build.id, build.token, BuildState.FAILED)
    change_config(house.services, API, ConfigChange(values={"MODE": "fast"}), "jim", house.limits)
    assert dict(head(house)) == {"TOKEN": "hunter2", "MODE": "fast"}


def test_config_of_a_live_app_becomes_a_row_that_holds_no_value(house: House) -> None:
    house.release()
    build = change_config(house.services, API, SET, "jim", house.limits)
    assert build is not None
    assert (build.kind, build.description, build.step) == (BuildKind.CONFIG, "Config set TOKEN", Step.DEPLOY)
    assert [sent.steps for sent in house.queue.take()] == [(Step.DEPLOY, Step.RECORD)]
    assert build.config_id is not None
    with house.services.database.read() as tx:
        sealed = tx.config.get(build.config_id)
    assert open_change(house.services.vault, API, sealed).values == {"TOKEN": "hunter2"}


def test_what_is_so_already_makes_no_row(house: House) -> None:
    change_config(house.services, API, SET, "jim", house.limits)
    with house.services.database.read() as tx:
        bag = tx.apps.get(API).config_id
    version = house.release()
    with house.services.database.write() as tx:
        tx.versions.set_live(API, version, bag)
    for change in (SET, ConfigChange(unset=("NOPE",))):
        assert change_config(house.services, API, change, "jim", house.limits) is None
    with house.services.database.read() as tx:
        assert tx.builds.unfinished(API) == []


def test_what_a_waiting_change_would_undo_is_asked_for(house: House) -> None:
    house.release()
    assert change_config(house.services, API, SET, "jim", house.limits) is not None
    assert change_config(house.services, API, ConfigChange(unset=("TOKEN",)), "jim", house.limits) is not None


def test_more_than_lambda_takes_is_refused_before_there_is_a_row(house: House) -> None:
    house.release()
    with pytest.raises(InvalidInput, match="4096"):
        change_config(house.services, API, ConfigChange(values={"BIG": "x" * 4096}), "jim", house.limits)
    with house.services.database.read() as tx:
        assert tx.builds.unfinished(API) == []


def test_config_of_no_app_is_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        change_config(house.services, type(API)("nobody"), SET, "jim", house.limits)


def test_a_rollback_goes_to_the_last_good_release_before_the_live_one(house: House) -> None:
    house.release()
    house.release(ReleaseState.FAILED)
    house.release()
    build = roll_back(house.services, API, None, "jim", house.limits)
    assert (build.kind, build.target_version, build.description) == (BuildKind.ROLLBACK, 1, "Rollback to v1")
    assert [sent.steps for sent in house.queue.take()] == [(Step.DEPLOY, Step.RECORD)]


def test_a_rollback_may_name_any_good_release(house: House) -> None:
    for _ in range(3):
        house.release()
    assert roll_back(house.services, API, 2, "jim", house.limits).target_version == 2


@pytest.mark.parametrize(
    ("states", "version", "error", "words"),
    [
        ("", None, Conflict, "no release yet"),
        ("s", None, Conflict, "no good release before it"),
        ("fs", None, Conflict, "no good release before it"),
        ("ss", 2, Conflict, "v2 of api is live already"),
        ("sfs", 2, NotFound, "v2 of api failed"),
        ("ss", 7, NotFound, "no v7"),
    ],
)
def test_a_rollback_that_can_not_be_is_refused(
    house: House, states: str, version: int | None, error: type[Exception], words: str
) -> None:
    for state in states:
        house.release(ReleaseState.SUCCEEDED if state == "s" else ReleaseState.FAILED)
    with pytest.raises(error, match=words):
        roll_back(house.services, API, version, "jim", house.limits)


def test_a_rollback_cancels_what_has_not_deployed_and_says_so(house: House) -> None:
    house.release()
    house.release()
    building, queued = house.push(), house.push()
    house.run(building, Step.EXTRACT, nothing)
    roll_back(house.services, API, 1, "jim", house.limits)
    for build in (building, queued):
        row = house.row(build.id)
        assert (row.state, row.error) == (BuildState.CANCELLED, "cancelled by a rollback to v1")
        assert house.output.said(build.id)[-1] == f" !     Build {build.id} was cancelled by a rollback to v1"
        assert house.output.closed(build.id)


def test_a_rollback_leaves_a_deploying_row_to_its_end(house: House) -> None:
    house.release()
    house.release()
    deploying = house.push()
    held = house.run_until(deploying, Step.DEPLOY)
    with house.services.database.write() as tx:
        assert tx.leases.start_link(deploying.id, held.token, Step.DEPLOY, lease=house.limits.lease)
        assert tx.leases.enter_deploy(deploying.id, held.token, version=3, config_id=None)
    roll_back(house.services, API, 1, "jim", house.limits)
    assert house.row(deploying.id).state is BuildState.RUNNING


def test_a_cancelled_build_writes_nothing_more(house: House) -> None:
    house.release()
    house.release()
    build = house.push()
    held = house.run(build, Step.EXTRACT, nothing)
    assert held is not None
    roll_back(house.services, API, 1, "jim", house.limits)
    assert house.run(build, Step.DETECT, nothing, token=held.token) is None
    assert house.row(build.id).state is BuildState.CANCELLED
