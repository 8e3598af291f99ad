"""Releases whose functions really run: push, change, roll back, and a stale worker that comes back."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import sys
import uuid
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from laambda.cloud.budget import BURST, RESERVE
from laambda.cloud.target import target_cloud
from laambda.domain.app import App, Target
from laambda.domain.build import Build, BuildState
from laambda.domain.names import Scope
from laambda.errors import LeaseLost
from laambda.release.deploy import deploy
from laambda.release.fence import token_in
from laambda.release.pace import Pace
from tests.cloud_fixture import RunningCloud
from tests.unit.release import conftest as unit
from tests.unit.release.conftest import Farm

migrated = unit.migrated


class RealFarm(Farm):
    """A farm whose cloud runs functions; an app of a name that no other test uses."""

    def pushed(self, code: str) -> Build:
        """A push whose functions answer with ``code`` and the config var STAGE."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            source = f"import os\n\ndef handler(event, context):\n    return [{code!r}, os.environ.get('STAGE')]\n"
            archive.writestr(zipfile.ZipInfo("App.py"), source)
        self.cloud.artifacts.put(f"slugs/{code}.zip", packed.getvalue())
        sha256 = base64.b64encode(hashlib.sha256(packed.getvalue()).digest()).decode()
        build = self.push(code, {"one": "App.handler", "two": "App.handler"})
        results = {
            **build.results,
            "detect": {**build.results["detect"], "runtime": f"python3.{sys.version_info.minor}"},
            "upload": {**build.results["upload"], "sha256": sha256},
        }
        return replace(build, results=results)

    def answers(self) -> list[list[str | None]]:
        invoked = (self.cloud.invoker.invoke(f"{self.scope}-{name}", b"{}") for name in ("one", "two"))
        return [json.loads(answer.payload) for answer in invoked]


@pytest.fixture
def farm(local_cloud: RunningCloud, tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> RealFarm:
    return real_farm(local_cloud, tmp_path, migrated, monkeypatch)


def real_farm(running: RunningCloud, tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> RealFarm:
    for variable, value in running.environment.items():
        monkeypatch.setenv(variable, value)
    cloud = target_cloud(Target(), bucket="releases")
    made = unit.make_farm(tmp_path, migrated)
    scope = Scope(f"app-{uuid.uuid4().hex[:8]}")
    with made.services.database.write() as tx:
        tx.apps.create(App(scope, unit.ROLE, tx.now, "ada"))
    services = replace(made.services, objects=cloud.artifacts, cloud=lambda _: cloud)
    return RealFarm(services, cloud, tmp_path, pace=Pace(), scope=scope)


def test_pushes_config_and_rollback_are_served(farm: RealFarm) -> None:
    farm.run(farm.pushed("red"))
    assert farm.answers() == [["red", None]] * 2
    farm.run(farm.config(STAGE="test"))
    assert farm.answers() == [["red", "test"]] * 2
    farm.run(farm.pushed("blue"))
    assert farm.answers() == [["blue", "test"]] * 2
    assert farm.run(farm.roll_back(1)).state is BuildState.SUCCEEDED
    assert farm.answers() == [["red", None]] * 2


def test_a_stale_worker_changes_nothing(farm: RealFarm) -> None:
    farm.run(farm.pushed("red"))
    stale = farm.pushed("blue")
    outlived = LateFunctions(farm, stale)
    services = replace(farm.services, cloud=lambda _: replace(farm.cloud, functions=outlived))
    with pytest.raises(LeaseLost):
        deploy(replace(farm.context(stale), services=services), farm.pace)
    assert farm.answers() == [["green", None]] * 2
    alias = farm.cloud.aliases.get(f"{farm.scope}-one")
    assert alias is not None
    assert token_in(alias.description) > stale.token


class Counted:
    """Implements ``Bucket``: it never ends, and counts."""

    spent = 0

    def take(self, floor: float) -> float:
        self.spent += 1
        return 0.0


def test_requests_of_the_budget_are_as_few_as_they_can_be(farm: RealFarm) -> None:
    tokens = Counted()
    cloud = target_cloud(Target(), bucket="releases", tokens=tokens)
    farm.services = replace(farm.services, cloud=lambda _: cloud)
    spent = []
    for act in (
        lambda: farm.pushed("red"),
        lambda: farm.pushed("blue"),
        lambda: farm.config(STAGE="test"),
        lambda: farm.roll_back(1),
    ):
        farm.run(act())
        spent.append(tokens.spent)
        tokens.spent = 0
    assert spent == [6, 8, 8, 4]
    assert max(spent) <= BURST - RESERVE


class LateFunctions:
    """Functions as a stalled worker sees them: before its first write, its row is failed and another push goes live."""

    def __init__(self, farm: RealFarm, stale: Build) -> None:
        self._farm = farm
        self._stale = stale
        self._stalled = False

    def __getattr__(self, name: str) -> object:
        if name == "update_code" and not self._stalled:
            self._stalled = True
            self._farm.fails(self._stale, BuildState.ERRORED)
            self._farm.run(self._farm.pushed("green"))
        return getattr(self._farm.cloud.functions, name)
