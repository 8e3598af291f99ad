"""Who hears of a row's end."""

from __future__ import annotations

import dataclasses

import pytest

from laambda.domain.build import BuildKind, BuildState, NewBuild, Step
from laambda.errors import BuildFailed, PlatformError
from tests.fakes.notifier import FakeNotifier
from tests.unit.dispatch.conftest import API, House
from tests.unit.dispatch.test_link import Raises


@pytest.fixture
def notifier(house: House) -> FakeNotifier:
    notifier = FakeNotifier()
    house.services = dataclasses.replace(house.services, notifier=notifier)
    return notifier


def test_people_hear_of_a_failed_build(house: House, notifier: FakeNotifier) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, Raises(BuildFailed("no Procfile")))

    assert [(told.id, told.state, told.error) for told in notifier.told] == [(build.id, "failed", "no Procfile")]


def test_people_hear_of_an_error_of_ours_when_nothing_is_tried_again(house: House, notifier: FakeNotifier) -> None:
    house.limits = dataclasses.replace(house.limits, attempts=1)
    house.run(house.push(), Step.EXTRACT, Raises(PlatformError("the disk is full")))

    assert [told.state for told in notifier.told] == [BuildState.ERRORED]


def test_people_do_not_hear_of_a_change_that_whoever_made_it_sees(house: House, notifier: FakeNotifier) -> None:
    house.release()
    with house.services.database.write() as tx:
        build = tx.builds.add(NewBuild(API, BuildKind.CONFIG, "jim", "Set A"))
    house.run(build, Step.DEPLOY, Raises(BuildFailed("too large")))

    assert house.row(build.id).state is BuildState.FAILED
    assert notifier.told == []
