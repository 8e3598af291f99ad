"""An app whose builds are deployed and recorded link by link, on real rows and a Lambda in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from laambda.config.bags import seal_change
from laambda.domain.app import App
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild, Step, steps_of
from laambda.domain.config import ConfigChange
from laambda.domain.names import Scope
from laambda.domain.refs import RefUpdate
from laambda.domain.release import Release
from laambda.errors import LeaseLost
from laambda.ports import LinkContext, Services, TargetCloud
from laambda.release.deploy import deploy
from laambda.release.pace import Pace
from laambda.release.record import fail, record
from laambda.store import open_database
from tests.fakes.functions import FakeLambda, fake_cloud
from tests.fakes.output import FakeOutput
from tests.fakes.queue import FakeQueue
from tests.fakes.vault import FakeVault

API = Scope("api")
ROLE = "arn:aws:iam::123456789012:role/lambda"
PROCFILE = {"create": "CreateThumbnail.handler", "resize": "ResizeThumbnail.handler"}


@dataclass
class HeldLease:
    """A lease that lasts until ``lost`` is set."""

    token: int
    lost: bool = False

    def check(self) -> None:
        if self.lost:
            raise LeaseLost("lost")


@dataclass
class Told:
    """A recorder that keeps its lines."""

    lines: list[str] = field(default_factory=list)

    def headline(self, text: str) -> None:
        self.lines.append(f"-----> {text}")

    def detail(self, text: str) -> None:
        self.lines.append(f"       {text}")

    def warning(self, text: str) -> None:
        self.lines.append(f" !     {text}")


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def fast(workers: int = 1) -> Pace:
    """Waits take no time; one function after the other, so that calls come in one order."""
    clock = Clock()
    return Pace(retry=3.0, settle=10.0, workers=workers, clock=clock, sleep=clock.sleep, chance=lambda: 0.5)


@dataclass
class Farm:
    """``push``, ``config`` and ``roll_back`` queue a build and claim it up to its deploy; ``run`` ends it."""

    services: Services
    cloud: TargetCloud
    folder: Path
    pace: Pace = field(default_factory=fast)
    told: Told = field(default_factory=Told)
    scope: Scope = API

    @property
    def functions(self) -> FakeLambda:
        assert isinstance(self.cloud.functions, FakeLambda)
        return self.cloud.functions

    def push(
        self, code: str, procfile: Mapping[str, str] | None = None, kind: BuildKind = BuildKind.PUSH, **new: Any
    ) -> Build:
        """A built push of ``code``, about to deploy."""
        detected = {
            "runtime": "python3.11",
            "architecture": "x86_64",
            "processes": [{"name": name, "handler": value} for name, value in (procfile or PROCFILE).items()],
        }
        uploaded = {"slug": code, "key": f"slugs/{code}.zip", "sha256": f"sha-{code}", "size": 9, "unzipped": 9}
        return self.claimed(self.add(kind, commit=f"{code:0<40}", **new), {"detect": detected, "upload": uploaded})

    def config(self, *, unset: tuple[str, ...] = (), **values: str) -> Build:
        change = ConfigChange(values=values, unset=unset)
        with self.services.database.write() as tx:
            bag = tx.config.add(self.scope, seal_change(self.services.vault, self.scope, change))
        return self.claimed(self.add(BuildKind.CONFIG, config_id=bag, description=change.description))

    def roll_back(self, version: int) -> Build:
        return self.claimed(self.add(BuildKind.ROLLBACK, target_version=version))

    def add(self, kind: BuildKind, **new: Any) -> Build:
        given = {"description": "", **new}
        with self.services.database.write() as tx:
            return tx.builds.add(NewBuild(self.scope, kind, actor="ada", **given))

    def claimed(self, build: Build, results: Mapping[str, Any] | None = None) -> Build:
        """The row with its deploy started; the links before it are checkpointed with ``results``."""
        with self.services.database.write() as tx:
            held = tx.leases.claim(build.id, node="n1", lease=30, attempts=9)
            assert held is not None
            for step in steps_of(build.kind):
                if step is held.step and step not in (Step.DEPLOY, Step.RECORD):
                    assert tx.leases.start_link(build.id, held.token, step, lease=30)
                    kept = (results or {}).get(step, {})
                    assert tx.leases.checkpoint(build.id, held.token, step, result=kept, seconds=0, lease=30)
                    held = tx.builds.get(build.id)
            started = tx.leases.start_link(build.id, held.token, held.step, lease=30)
        assert started is not None
        return started

    def taken_over(self, build: Build) -> Build:
        """The row under a newer claim, its last link started again."""
        with self.services.database.write() as tx:
            tx.leases.hand_back(build.id, self.row(build).token, counted=False)
        return self.claimed(build)

    def context(self, build: Build) -> LinkContext:
        return LinkContext(
            build=build,
            lease=HeldLease(build.token),
            services=self.services,
            recorder=self.told,
            workspace=self.folder,
            cache=self.folder,
        )

    def deploy(self, build: Build) -> Mapping[str, Any]:
        return deploy(self.context(build), self.pace)

    def record(self, build: Build, result: Mapping[str, Any]) -> Build:
        """Checkpoint the deploy with its result, and record the release."""
        with self.services.database.write() as tx:
            if not tx.leases.checkpoint(build.id, build.token, Step.DEPLOY, result=result, seconds=0, lease=30):
                raise LeaseLost("the row is somebody else's")
            started = tx.leases.start_link(build.id, build.token, Step.RECORD, lease=30)
        assert started is not None
        record(self.context(started))
        return self.row(build)

    def run(self, build: Build) -> Build:
        if build.step is Step.RECORD:
            record(self.context(build))
            return self.row(build)
        return self.record(build, self.deploy(build))

    def fails(self, build: Build, state: BuildState = BuildState.FAILED) -> Build:
        """End the row as the farm does after an error."""
        with self.services.database.write() as tx:
            assert tx.leases.finish(build.id, build.token, state, error="refused")
            fail(tx, tx.builds.get(build.id))
        return self.row(build)

    def row(self, build: Build) -> Build:
        with self.services.database.read() as tx:
            return tx.builds.get(build.id)

    def release(self, version: int) -> Release:
        with self.services.database.read() as tx:
            return tx.releases.get(self.scope, version)

    def app(self) -> App:
        with self.services.database.read() as tx:
            return tx.apps.get(self.scope)

    def refs(self) -> Mapping[str, str]:
        with self.services.database.read() as tx:
            return tx.refs.all(self.scope)

    def codes(self) -> dict[str, str]:
        """The code that each function serves."""
        return {name: served.code_sha256 for name in self.functions.held if (served := self.functions.served(name))}


def main(old: str, new: str) -> tuple[RefUpdate, ...]:
    """A push that moves the deploy branch; ids are one digit repeated."""
    return (RefUpdate("refs/heads/main", old * 40, new * 40),)


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the app ``api``."""
    path = tmp_path_factory.mktemp("release") / "rows.db"
    database = open_database(f"sqlite:///{path}")
    database.migrate()
    with database.write() as tx:
        tx.apps.create(App(API, ROLE, datetime(2026, 3, 1, tzinfo=UTC), "ada"))
    return path


@pytest.fixture
def farm(tmp_path: Path, migrated: Path) -> Farm:
    return make_farm(tmp_path, migrated)


def make_farm(folder: Path, migrated: Path) -> Farm:
    """A farm on a copy of the rows, and an empty cloud."""
    (folder / "rows.db").write_bytes(migrated.read_bytes())
    cloud = fake_cloud(folder / "objects", FakeLambda())
    services = Services(
        database=open_database(f"sqlite:///{folder / 'rows.db'}"),
        objects=cloud.artifacts,
        vault=FakeVault(),
        queue=FakeQueue(),
        output=FakeOutput(),
        cloud=lambda _: cloud,
    )
    return Farm(services, cloud, folder)
