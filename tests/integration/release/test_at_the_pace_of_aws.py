"""Releases where creating and updating a function takes seconds, as on AWS, and others change functions meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from laambda.domain.build import BuildState
from laambda.domain.config import ConfigVars
from laambda.domain.function import CodeLocation, WantedFunction
from laambda.release.deploy import deploy
from tests.cloud_fixture import RunningCloud, running_cloud
from tests.integration.release import test_on_the_local_cloud as local
from tests.integration.release.test_on_the_local_cloud import RealFarm, real_farm

SETTLES = 2000
"""Milliseconds."""

pytestmark = pytest.mark.slow
migrated = local.migrated


@pytest.fixture(scope="module")
def slow_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    with running_cloud(tmp_path_factory.mktemp("slow-cloud"), settle=SETTLES) as cloud:
        yield cloud


@pytest.fixture
def farm(slow_cloud: RunningCloud, tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> RealFarm:
    return real_farm(slow_cloud, tmp_path, migrated, monkeypatch)


def somebody_updates(farm: RealFarm) -> None:
    """Another than the farm changes the timeout of the first function; it settles later."""
    name = f"{farm.scope}-one"
    live = farm.cloud.functions.get(name)
    assert live is not None
    settings = replace(live.settings, timeout=live.settings.timeout + 1)
    wanted = WantedFunction("one", name, settings, ConfigVars(), CodeLocation("", "", live.code_sha256, 0))
    assert not farm.cloud.functions.update_settings(wanted, live.revision_id).settled


def test_two_functions_are_deployed_updated_and_rolled_back(farm: RealFarm) -> None:
    farm.run(farm.pushed("red"))
    assert farm.answers() == [["red", None]] * 2
    farm.run(farm.pushed("blue"))
    farm.run(farm.config(STAGE="test"))
    assert farm.answers() == [["blue", "test"]] * 2
    started = time.monotonic()
    assert farm.run(farm.roll_back(1)).state is BuildState.SUCCEEDED
    assert time.monotonic() - started < SETTLES / 1000
    assert farm.answers() == [["red", None]] * 2


def test_a_push_waits_out_an_update_that_somebody_else_made(farm: RealFarm) -> None:
    farm.run(farm.pushed("red"))
    somebody_updates(farm)
    started = time.monotonic()
    assert farm.run(farm.pushed("blue")).state is BuildState.SUCCEEDED
    assert farm.answers() == [["blue", None]] * 2
    assert time.monotonic() - started > 2 * SETTLES / 1000, "the other's update, then ours"
    assert {each.settings.timeout for each in farm.release(2).functions} == {10}


def test_a_push_plans_again_where_somebody_else_came_in_between(farm: RealFarm) -> None:
    farm.run(farm.pushed("red"))
    build = farm.pushed("blue")
    services = replace(farm.services, cloud=lambda _: replace(farm.cloud, functions=Interrupted(farm)))
    farm.record(build, deploy(replace(farm.context(build), services=services), farm.pace))
    assert farm.answers() == [["blue", None]] * 2
    live = farm.cloud.functions.get(f"{farm.scope}-one")
    assert live is not None
    assert live.settings.timeout == 10


class Interrupted:
    """Functions that somebody else changes just before the farm's first update."""

    def __init__(self, farm: RealFarm) -> None:
        self._farm = farm
        self._interrupted = False

    def __getattr__(self, name: str) -> object:
        if name == "update_code" and not self._interrupted:
            self._interrupted = True
            somebody_updates(self._farm)
        return getattr(self._farm.cloud.functions, name)
