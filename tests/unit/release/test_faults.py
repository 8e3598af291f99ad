"""Whatever fails at whatever call of a two-function deploy: the whole old or the whole new release is live.

Three scenarios (the first deploy, one that changes code and settings, a rollback) are first run without a fault to
learn their calls, then once for each call and kind of fault. The worst case is assumed throughout: a stale worker
never notices by itself that its lease is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from laambda.domain.build import Build, BuildState
from laambda.domain.release import ReleaseState
from laambda.errors import InvalidInput, LaambdaError, LeaseLost, Unavailable, UserError
from tests.unit.release.conftest import Farm, fast, make_farm

BOTH = ("api-create", "api-resize")
OLD = {"create": "Old.handler", "resize": "Old.handler"}


class Killed(BaseException):
    """The worker is gone."""


@dataclass(frozen=True)
class Point:
    """Before or after the effect of the n-th call of a deploy."""

    index: int
    when: str
    call: str


class Scenario:
    """``prepare`` makes what was live before, ``start`` the build to disturb. ``old`` and ``new`` are codes served."""

    def __init__(self, name: str, old: dict[str, str], new: dict[str, str]) -> None:
        self.name = name
        self.old = old
        self.new = new

    def __repr__(self) -> str:
        return self.name

    def start(self, farm: Farm) -> Build:
        if self.name == "first":
            return farm.push("one")
        farm.run(farm.push("one", OLD))
        if self.name == "update":
            return farm.push("two")
        farm.run(farm.push("two"))
        return farm.roll_back(1)


ONE, TWO, NOTHING = dict.fromkeys(BOTH, "sha-one"), dict.fromkeys(BOTH, "sha-two"), dict[str, str]()
SCENARIOS = [Scenario("first", NOTHING, ONE), Scenario("update", ONE, TWO), Scenario("rollback", TWO, ONE)]


@dataclass
class Place:
    """Makes farms, each in a folder of its own."""

    folder: Path
    migrated: Path
    made: int = 0

    def farm(self) -> Farm:
        self.made += 1
        folder = self.folder / str(self.made)
        folder.mkdir()
        return make_farm(folder, self.migrated)

    def points(self, scenario: Scenario) -> list[Point]:
        """Every point of an undisturbed deploy; an answer lost on the way of a read is no other than one not asked."""
        farm, seen = self.farm(), list[Point]()
        build = scenario.start(farm)
        farm.functions.around = lambda when, call, _: seen.append(Point(len(seen), when, call))
        farm.run(build)
        return [point for point in seen if point.when == "before" or call_writes(point.call)]

    def disturbed(
        self, scenario: Scenario, fault: Callable[[Farm, Build], None]
    ) -> Iterator[tuple[Farm, Build, Point]]:
        """A farm for each point, whose ``fault`` is called there once."""
        for point in self.points(scenario):
            farm = self.farm()
            build = scenario.start(farm)
            farm.functions.around = once(point.index, lambda farm=farm, build=build: fault(farm, build))
            yield farm, build, point


def call_writes(call: str) -> bool:
    return call not in ("get", "get_alias", "version_settled")


def once(index: int, act: Callable[[], None]) -> Callable[[str, str, str], None]:
    """``act`` at the ``index``-th point passed, nothing at the others."""
    passed = -1

    def around(when: str, call: str, name: str) -> None:
        nonlocal passed
        passed += 1
        if passed == index:
            act()

    return around


def attempt(farm: Farm, build: Build) -> BaseException | None:
    """Deploy and record; gives what stopped it."""
    try:
        farm.run(build)
    except (Killed, LaambdaError) as error:
        return error
    return None


def served_as_released(farm: Farm, version: int) -> bool:
    """Whether each alias points at the version that the release names."""
    functions = farm.release(version).functions
    aliases = [farm.functions.held[each.name].alias for each in functions]
    return [alias.version if alias else "" for alias in aliases] == [each.lambda_version for each in functions]


@pytest.fixture
def place(tmp_path: Path, migrated: Path) -> Place:
    return Place(tmp_path, migrated)


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=repr)
class TestAtEachCall:
    def test_an_answer_that_is_lost_once_changes_nothing(self, place: Place, scenario: Scenario) -> None:
        def lost(farm: Farm, build: Build) -> None:
            raise Unavailable("no answer")

        for farm, build, point in place.disturbed(scenario, lost):
            assert attempt(farm, build) is None, point
            assert farm.codes() == scenario.new, point

    def test_a_killed_worker_is_followed_by_one_that_finishes(self, place: Place, scenario: Scenario) -> None:
        def killed(farm: Farm, build: Build) -> None:
            raise Killed

        for farm, build, point in place.disturbed(scenario, killed):
            assert isinstance(attempt(farm, build), Killed), point
            assert farm.run(farm.taken_over(build)).state is BuildState.SUCCEEDED, point
            assert farm.codes() == scenario.new, point
            assert served_as_released(farm, farm.app().live), point

    def test_two_killed_workers_are_followed_by_one_that_finishes(self, place: Place, scenario: Scenario) -> None:
        def killed(farm: Farm, build: Build) -> None:
            farm.functions.around = once(5, lambda: killed_again(farm))
            raise Killed

        def killed_again(farm: Farm) -> None:
            raise Killed

        for farm, build, point in place.disturbed(scenario, killed):
            attempt(farm, build)
            second = farm.taken_over(build)
            if attempt(farm, second) is not None:
                farm.run(farm.taken_over(second))
            assert farm.codes() == scenario.new, point

    def test_a_row_given_up_before_its_aliases_leaves_the_old_release(self, place: Place, scenario: Scenario) -> None:
        def killed(farm: Farm, build: Build) -> None:
            raise Killed

        for farm, build, point in place.disturbed(scenario, killed):
            attempt(farm, build)
            if farm.row(build).published:
                continue
            farm.fails(build, BuildState.ERRORED)
            assert farm.codes() == scenario.old, point
            farm.run(farm.push("three"))
            assert farm.codes() == dict.fromkeys(BOTH, "sha-three"), point

    def test_what_aws_refuses_for_good_leaves_the_old_release(self, place: Place, scenario: Scenario) -> None:
        for point in place.points(scenario):
            farm = place.farm()
            build = scenario.start(farm)
            refuse_from_now_on(farm, point)
            assert isinstance(attempt(farm, build), UserError), point
            farm.functions.around = lambda *_: None
            farm.fails(build)
            assert {name: code for name, code in farm.codes().items() if name in scenario.old} == scenario.old, point
            assert farm.release(farm.app().version).state is ReleaseState.FAILED
            farm.run(farm.push("three"))
            assert farm.codes() == dict.fromkeys(BOTH, "sha-three"), point

    def test_a_zombie_writes_nothing_after_later_deploys(self, place: Place, scenario: Scenario) -> None:
        def outlived(farm: Farm, build: Build) -> None:
            farm.functions.around = lambda *_: None
            farm.run(farm.taken_over(build))
            farm.run(farm.push("three"))

        for farm, build, point in place.disturbed(scenario, outlived):
            assert isinstance(attempt(farm, build), LeaseLost), point
            assert farm.codes() == dict.fromkeys(BOTH, "sha-three"), point
            assert served_as_released(farm, farm.app().live), point

    def test_a_zombie_of_a_failed_row_writes_nothing(self, place: Place, scenario: Scenario) -> None:
        def given_up(farm: Farm, build: Build) -> None:
            farm.functions.around = lambda *_: None
            if farm.row(build).published:
                farm.run(farm.taken_over(build))
            else:
                farm.fails(build, BuildState.ERRORED)
            farm.run(farm.push("three"))

        for farm, build, point in place.disturbed(scenario, given_up):
            assert isinstance(attempt(farm, build), LeaseLost), point
            assert farm.codes() == dict.fromkeys(BOTH, "sha-three"), point

    def test_a_zombie_in_the_middle_of_a_take_over_does_no_harm(self, place: Place, scenario: Scenario) -> None:
        """The stale worker goes on while the new one is at its own call, whichever."""
        for farm, build, point in place.disturbed(scenario, interleaved(7)):
            attempt(farm, build)
            row = farm.row(build)
            if row.state is BuildState.RUNNING:
                farm.run(farm.taken_over(build))
            assert farm.codes() == scenario.new, point
            assert served_as_released(farm, farm.app().live), point


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS, ids=repr)
class TestSideBySide:
    """Both functions at once, so that a fault at one meets the other at any of its calls."""

    def test_a_killed_worker_is_followed_by_one_that_finishes(self, place: Place, scenario: Scenario) -> None:
        for farm, build, point in place.disturbed(scenario, dies):
            farm.pace = fast(workers=2)
            attempt(farm, build)
            if farm.row(build).state is BuildState.RUNNING:
                farm.run(farm.taken_over(build))
            assert farm.codes() == scenario.new, point
            assert served_as_released(farm, farm.app().live), point

    def test_a_row_given_up_before_its_aliases_leaves_the_old_release(self, place: Place, scenario: Scenario) -> None:
        for farm, build, point in place.disturbed(scenario, dies):
            farm.pace = fast(workers=2)
            if attempt(farm, build) is not None and not farm.row(build).published:
                farm.fails(build, BuildState.ERRORED)
                assert farm.codes() == scenario.old, point

    def test_what_aws_refuses_for_good_leaves_the_old_release(self, place: Place, scenario: Scenario) -> None:
        for point in place.points(scenario):
            farm = place.farm()
            build = scenario.start(farm)
            farm.pace = fast(workers=2)
            refuse_from_now_on(farm, point)
            assert isinstance(attempt(farm, build), UserError | None), point
            farm.functions.around = lambda *_: None
            if farm.row(build).state is BuildState.RUNNING:
                farm.fails(build)
                assert {name: code for name, code in farm.codes().items() if name in scenario.old} == scenario.old, (
                    point
                )


def dies(farm: Farm, build: Build) -> None:
    raise Killed


def interleaved(after: int) -> Callable[[Farm, Build], None]:
    """A take-over that is itself killed after some calls, with the stale worker waking up at that moment."""

    def fault(farm: Farm, build: Build) -> None:
        def stop() -> None:
            raise Killed

        farm.functions.around = once(after, stop)
        attempt(farm, farm.taken_over(build))
        farm.functions.around = lambda *_: None

    return fault


def refuse_from_now_on(farm: Farm, point: Point) -> None:
    """AWS refuses the call of ``point`` for good, on the function it met there."""
    passed, refused = -1, ""

    def around(when: str, call: str, name: str) -> None:
        nonlocal passed, refused
        passed += 1
        if passed == point.index:
            refused = name
        if refused == name and (when, call) == (point.when, point.call):
            raise InvalidInput("refused")

    farm.functions.around = around
