"""What a deploy that did not end clean left behind goes, and nothing else."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from laambda.domain.build import Build, BuildState
from laambda.domain.names import Scope
from laambda.domain.release import ReleaseState, SecondLook
from laambda.errors import InvalidInput, LeaseLost, Unavailable
from laambda.release.begin import AnotherDeploys
from laambda.release.fence import token_in
from laambda.release.published import Undone
from laambda.release.second_look import HOLD, LONGEST_CALL, look_again
from laambda.store import open_database
from tests.unit.release.conftest import API, ROLE, Clock, Farm
from tests.unit.release.test_faults import BOTH, SCENARIOS, Killed, Place, attempt, once, refuse_from_now_on

FIRST = SCENARIOS[0]
MORE = {"create": "New.handler", "resize": "New.handler", "extra": "New.handler"}


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Place:
    return Place(tmp_path, migrated)


def look(farm: Farm, *, window: int = 20, clock: Clock | None = None) -> SecondLook | None:
    """A second look, the time until it is due having passed."""
    return look_again(farm.services, lease=-LONGEST_CALL, window=window, pace=farm.pace, clock=clock or Clock())


def claimed(farm: Farm) -> list[str]:
    with farm.services.database.read() as tx:
        return list(tx.apps.functions(API))


def agrees(farm: Farm) -> bool:
    """Whether the account holds the live release's functions, served as released, and no other."""
    live = farm.app().live
    functions = farm.release(live).functions if live else ()
    served = {name: held.alias.version if held.alias else "" for name, held in farm.functions.held.items()}
    return served == {each.name: each.lambda_version for each in functions}


def half_made(farm: Farm) -> Build:
    """A push that AWS refused after it had created a function that no release names."""
    build = farm.push("two", MORE)

    def refused(when: str, call: str, name: str) -> None:
        if (when, call, name) == ("before", "publish", "api-extra"):
            raise InvalidInput("refused")

    farm.functions.around = refused
    assert isinstance(attempt(farm, build), InvalidInput)
    farm.functions.around = lambda *_: None
    return farm.fails(build)


class TestWhatGoes:
    def test_a_function_that_no_release_names_goes_and_its_name_is_free(self, farm: Farm) -> None:
        farm.run(farm.push("one"))
        half_made(farm)
        assert "api-extra" in farm.functions.held
        assert look(farm) is not None
        assert agrees(farm)
        assert claimed(farm) == list(BOTH)
        assert farm.codes() == dict.fromkeys(BOTH, "sha-one")

    def test_a_function_of_somebody_else_stays(self, farm: Farm) -> None:
        half_made(farm)
        farm.functions.held["api-extra"].owner = "other/production"
        look(farm)
        assert list(farm.functions.held) == ["api-extra"]
        assert claimed(farm) == []

    def test_a_retired_function_goes_once_its_last_release_left_the_window(self, farm: Farm) -> None:
        farm.run(farm.push("one"))
        farm.run(farm.push("two", {"create": "New.handler"}))
        look(farm, window=2)
        assert sorted(farm.functions.held) == list(BOTH)
        farm.run(farm.push("three", {"create": "New.handler"}))
        look(farm, window=2)
        assert agrees(farm)
        assert farm.run(farm.roll_back(1)).state is BuildState.SUCCEEDED
        assert farm.codes() == dict.fromkeys(BOTH, "sha-one")

    def test_an_alias_that_a_stale_worker_moved_comes_back_under_a_higher_token(self, farm: Farm) -> None:
        farm.run(farm.push("one"))
        half_made(farm)
        farm.cloud.aliases.update("api-create", version="2", description="laambda token 3", revision_id=None)
        seen = look(farm)
        assert seen is not None
        assert agrees(farm)
        marks = [held.alias.description for held in farm.functions.held.values() if held.alias]
        assert [token_in(mark) for mark in marks] == [seen.token] * 2

    def test_an_alias_that_could_not_be_moved_back_comes_back(self, farm: Farm) -> None:
        farm.run(farm.push("one"))
        build = farm.push("two")
        moved: list[str] = []

        def refused(when: str, call: str, name: str) -> None:
            if (when, call) == ("before", "update_alias"):
                moved.append(name)
                if len(moved) > 1:
                    raise InvalidInput("refused")

        farm.functions.around = refused
        assert isinstance(attempt(farm, build), Undone)
        farm.functions.around = lambda *_: None
        farm.fails(build)
        assert farm.codes() == {"api-create": "sha-two", "api-resize": "sha-one"}
        look(farm)
        assert farm.codes() == dict.fromkeys(BOTH, "sha-one")

    def test_what_somebody_deleted_is_left_to_the_next_deploy(self, farm: Farm) -> None:
        farm.run(farm.push("one"))
        half_made(farm)
        del farm.functions.held["api-create"], farm.functions.held["api-resize"].versions["1"]
        look(farm)
        assert list(farm.functions.held) == ["api-resize"]
        assert look(farm) is None


class TestWhen:
    def test_nothing_is_looked_at_after_deploys_that_ended_clean(self, farm: Farm) -> None:
        farm.run(farm.push("one"))
        farm.run(farm.push("two"))
        assert look(farm) is None

    def test_a_look_is_taken_once_and_not_before_it_is_due(self, farm: Farm) -> None:
        half_made(farm)
        assert look_again(farm.services, lease=30, window=20, pace=farm.pace) is None
        assert look(farm) is not None
        assert look(farm) is None

    def test_a_deploy_that_was_taken_over_is_looked_at(self, farm: Farm) -> None:
        build = farm.push("one")
        farm.functions.around = once(3, killed)
        attempt(farm, build)
        farm.functions.around = lambda *_: None
        farm.run(farm.taken_over(build))
        assert look(farm) is not None
        assert agrees(farm)

    def test_none_is_taken_while_a_deploy_is_under_way(self, farm: Farm) -> None:
        half_made(farm)
        build = farm.push("three")
        result = farm.deploy(build)
        assert look(farm) is None
        farm.record(build, result)
        assert look(farm) is not None
        assert agrees(farm)

    def test_no_deploy_begins_while_a_look_is_under_way(self, farm: Farm) -> None:
        half_made(farm)
        build = farm.push("three")
        with farm.services.database.write() as tx:
            taken = tx.second_looks.take(after=0, hold=60)
        assert taken is not None
        with pytest.raises(AnotherDeploys, match="being cleaned up"):
            farm.deploy(build)
        assert (farm.row(build).version, farm.row(build).attempt) == (None, 0)
        with farm.services.database.write() as tx:
            tx.second_looks.done(taken)
        assert farm.run(farm.claimed(build)).state is BuildState.SUCCEEDED

    def test_a_look_that_the_cloud_does_not_answer_is_put_off(self, farm: Farm) -> None:
        half_made(farm)

        def away(when: str, call: str, name: str) -> None:
            raise Unavailable("no answer")

        farm.functions.around = away
        with pytest.raises(Unavailable):
            look(farm)
        farm.functions.around = lambda *_: None
        assert farm.deploy(farm.push("three"))["version"] == 2

    def test_a_look_stops_before_its_hold_could_end_under_a_call(self, farm: Farm) -> None:
        half_made(farm)
        clock = Clock()

        def stalled(when: str, call: str, name: str) -> None:
            clock.now += 100

        farm.functions.around = stalled
        with pytest.raises(LeaseLost):
            look(farm, clock=clock)
        assert "api-extra" in farm.functions.held

    def test_a_name_given_free_is_another_apps_at_once(self, farm: Farm) -> None:
        half_made(farm)
        look(farm)
        other = Scope("api-extra")
        with farm.services.database.write() as tx:
            tx.apps.create(replace(tx.apps.get(API), scope=other, role=ROLE))
            tx.apps.claim_functions(other, ["api-extra"])
            assert tx.apps.functions(other) == ["api-extra"]


def killed() -> None:
    raise Killed


@pytest.mark.slow
class TestAfterAnyFaultOfAFirstDeploy:
    def test_of_a_killed_worker_nothing_stays_where_its_row_is_given_up(self, place: Place) -> None:
        def dies(farm: Farm, build: Build) -> None:
            raise Killed

        for farm, build, point in place.disturbed(FIRST, dies):
            attempt(farm, build)
            ended(farm, build)
            look(farm)
            assert agrees(farm), point

    def test_of_a_refused_deploy_nothing_stays(self, place: Place) -> None:
        for point in place.points(FIRST):
            farm = place.farm()
            build = FIRST.start(farm)
            refuse_from_now_on(farm, point)
            attempt(farm, build)
            farm.functions.around = lambda *_: None
            farm.fails(build)
            look(farm)
            assert not farm.functions.held, point

    def test_of_a_zombie_that_writes_after_its_row_was_given_up_nothing_stays(self, place: Place) -> None:
        for farm, build, point in place.disturbed(FIRST, ended):
            attempt(farm, build)
            look(farm)
            assert agrees(farm), point

    def test_of_a_zombie_beside_a_later_release_nothing_stays(self, place: Place) -> None:
        def outlived(farm: Farm, build: Build) -> None:
            ended(farm, build)
            farm.run(farm.push("three", {"create": "New.handler"}))

        for farm, build, point in place.disturbed(FIRST, outlived):
            attempt(farm, build)
            look(farm, window=1)
            assert agrees(farm), point
            assert farm.codes() == {"api-create": "sha-three"}, point

    def test_a_zombie_of_an_update_that_wakes_after_the_look_moves_nothing(self, place: Place) -> None:
        def looked_at(farm: Farm, build: Build) -> None:
            ended(farm, build)
            look(farm)

        for farm, build, point in place.disturbed(SCENARIOS[1], looked_at):
            attempt(farm, build)
            assert agrees(farm), point

    def test_a_look_that_dies_at_any_call_is_taken_again(self, place: Place) -> None:
        for index in range(12):
            farm = place.farm()
            farm.run(farm.push("one"))
            half_made(farm)
            farm.functions.around = once(index, killed)
            with suppress(Killed):
                look(farm)
            farm.functions.around = lambda *_: None
            look(later(farm))
            assert agrees(farm), index


def ended(farm: Farm, build: Build) -> None:
    """The row is given up, or finished by a take-over where it can't be."""
    farm.functions.around = lambda *_: None
    if farm.row(build).published:
        farm.run(farm.taken_over(build))
    elif farm.row(build).state is BuildState.RUNNING:
        farm.fails(build, BuildState.ERRORED)
        assert farm.release(farm.app().version).state is ReleaseState.FAILED


def later(farm: Farm) -> Farm:
    """The same farm when the hold of a look that died has ended."""
    url = f"sqlite:///{farm.folder / 'rows.db'}"
    passed = open_database(url, clock=lambda: datetime.now(UTC) + timedelta(seconds=HOLD + 1))
    return replace(farm, services=replace(farm.services, database=passed))
