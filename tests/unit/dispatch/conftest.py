"""A farm without processes: the real rows on SQLite, a clock that tests move, fakes where the wire would be."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.link import Node, Work, run_link
from laambda.dispatch.requests import enqueue
from laambda.domain.app import App
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild, Step
from laambda.domain.names import Scope
from laambda.domain.release import Release, ReleaseState
from laambda.ports import LinkContext, Services
from laambda.store import open_database
from tests.fakes.objects import FakeObjects
from tests.fakes.output import FakeOutput
from tests.fakes.queue import FakeQueue
from tests.fakes.vault import FakeVault

API = Scope("api")


@dataclass
class Clock:
    """The database's time, moved by hand."""

    now: datetime = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def no_cloud(_: object) -> Any:
    raise AssertionError("dispatch does not touch a cloud")


@dataclass
class House:
    """Services, and the short words of these tests."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    queue: FakeQueue = field(default_factory=FakeQueue)
    output: FakeOutput = field(default_factory=FakeOutput)
    limits: FarmLimits = field(default_factory=FarmLimits)

    def __post_init__(self) -> None:
        database = open_database(f"sqlite:///{self.folder / 'rows.db'}", clock=self.clock)
        self.services = Services(
            database, FakeObjects(self.folder / "objects"), FakeVault(), self.queue, self.output, no_cloud
        )
        self.stopped: list[str] = []
        self.create("api")

    def create(self, app: str) -> Scope:
        with self.services.database.write() as tx:
            tx.apps.create(App(Scope(app), "arn:aws:iam::123456789012:role/x", self.clock(), "jim"))
        return Scope(app)

    def push(self, app: str = "api", kind: BuildKind = BuildKind.PUSH, **given: Any) -> Build:
        """Queue a detached push: such rows wait for nobody's ref."""
        new = {"detached": True, "source": "sources/0.tar", **given}
        return enqueue(self.services, NewBuild(Scope(app), kind, "jim", "Deploy abc1234", **new), self.limits)

    def row(self, build_id: int) -> Build:
        with self.services.database.read() as tx:
            return tx.builds.get(build_id)

    def node(self, name: str = "a") -> Node:
        return Node(name, self.folder / name, self.folder / "cache", lambda: self.stopped.append(name))

    def run(self, build: Build, step: Step, work: Work, *, token: int | None = None, node: str = "a") -> Build | None:
        """Deliver one link to a node."""
        return run_link(self.services, self.node(node), self.limits, build.id, step, work, token)

    def run_until(self, build: Build, step: Step) -> Build:
        """Claim the row and run the links before ``step``."""
        token = None
        for each in Step:
            if each is step:
                break
            held = self.run(build, each, nothing, token=token)
            assert held is not None
            token = held.token
        return self.row(build.id)

    def release(self, state: ReleaseState = ReleaseState.SUCCEEDED) -> int:
        """A release of an ended push, live if it succeeded; gives vN."""
        with self.services.database.write() as tx:
            build = tx.builds.add(NewBuild(API, BuildKind.PUSH, "jim", "Deploy", detached=True))
            tx.leases.end_queued(build.id, BuildState.SUPERSEDED, error="")
            version = tx.versions.take(API)
            pending = Release(API, version, ReleaseState.PENDING, build.kind, build.id, "Deploy", "jim", self.clock())
            tx.releases.add(pending)
            tx.releases.settle(API, version, state)
            if state is ReleaseState.SUCCEEDED:
                tx.versions.set_live(API, version, None)
        return version


def nothing(_: LinkContext) -> Mapping[str, Any]:
    """A step that has nothing to do."""
    return {}


@pytest.fixture(scope="session")
def empty_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema, made once."""
    path = tmp_path_factory.mktemp("rows") / "rows.db"
    open_database(f"sqlite:///{path}").migrate()
    return path


@pytest.fixture
def house(tmp_path: Path, empty_rows: Path) -> House:
    with closing(sqlite3.connect(empty_rows)) as template:
        template.execute("VACUUM INTO ?", (str(tmp_path / "rows.db"),))
    return House(tmp_path)
