"""A desk on real SQLite, and pushed objects without git."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from laambda.domain.app import App
from laambda.domain.names import Scope
from laambda.domain.refs import Commit, Pack, RefUpdate
from laambda.errors import InvalidInput
from laambda.ports import Database, Services
from laambda.source.push import Decision, Desk, Push, decide
from laambda.store import open_database
from tests.fakes.farm import FakeFarm
from tests.fakes.objects import FakeObjects
from tests.fakes.output import FakeOutput
from tests.fakes.vault import FakeVault

SCOPE = Scope("api")


class FakePushed:
    """Implements ``ports.PushedObjects``: every object is a commit, its tree its own id backwards."""

    def __init__(self) -> None:
        self.sources = 0
        self.packs = True
        self.complete = True

    def commit(self, oid: str) -> Commit:
        if oid.startswith("bad"):
            raise InvalidInput(f"{oid[:7]} is not a commit")
        return Commit(oid, tree=oid[::-1], subject="Mend it")

    def check_complete(self, oids: Sequence[str]) -> None:
        if not self.complete:
            raise InvalidInput("the push does not bring the whole history of its commits")

    def write_source(self, tree: str, to: Path) -> None:
        self.sources += 1
        to.write_text(tree)

    def new_pack(self, to: Path) -> bool:
        to.write_text("pack")
        return self.packs


class FakeRepository:
    """Implements ``ports.Repository`` in memory; ``events`` tells the order of what was done to it."""

    def __init__(self) -> None:
        self.packs: dict[str, bytes] = {}
        self.shown: dict[str, str] = {}
        self.events: list[str] = []
        self.locked = False
        self.asked: Callable[[Pack], None] = lambda pack: None
        self.repacked: Callable[[], None] = lambda: None

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.locked = True
        yield
        self.locked = False

    def has_pack(self, pack: Pack) -> bool:
        self.asked(pack)
        self.asked = lambda pack: None
        return pack.sha256 in self.packs

    def add_pack(self, pack: Pack, archive: Path) -> None:
        assert self.locked
        self.packs[pack.sha256] = archive.read_bytes()
        self.events.append("pack")

    def keep_pack(self, pack: Pack) -> None:
        self.packs[pack.sha256] = b""

    def repack(self, to: Path) -> None:
        to.write_bytes(b"+".join(self.packs.values()))
        self.repacked()

    def refs(self) -> Mapping[str, str]:
        return self.shown

    def set_refs(self, refs: Mapping[str, str]) -> None:
        assert self.locked
        self.shown = dict(refs)
        self.events.append("refs")


@dataclass
class Counter:
    """A desk, and what a customer at it was told."""

    desk: Desk
    farm: FakeFarm
    pushed: FakePushed
    told: list[str] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.desk.services.database

    def push(self, *updates: RefUpdate, options: tuple[str, ...] = ()) -> Decision:
        return decide(Push(SCOPE, "ada", updates, options), self.pushed, self.desk, self.told.append)

    def refs(self) -> dict[str, str]:
        with self.database.read() as tx:
            return dict(tx.refs.all(SCOPE))


@pytest.fixture
def new_counter(tmp_path: Path) -> Callable[..., Counter]:
    """Make a counter; ``around`` wraps the database."""

    def make(around: Callable[[Database], Database] = lambda database: database) -> Counter:
        database = open_database(f"sqlite:///{tmp_path}/laambda.db")
        database.migrate()
        with database.write() as tx:
            tx.apps.create(App(SCOPE, "arn:aws:iam::123456789012:role/api", datetime.now(UTC), "ada"))
        farm = FakeFarm()

        def no_cloud(target: object) -> object:
            raise AssertionError("a push has no business in the cloud")

        objects = FakeObjects(tmp_path / "objects")
        services = Services(around(database), objects, FakeVault(), farm, FakeOutput(), no_cloud)  # type: ignore[arg-type]
        farm.services = services
        return Counter(Desk(services, farm.limits, 60, tmp_path / "work"), farm, FakePushed())

    return make


@pytest.fixture
def counter(new_counter: Callable[..., Counter]) -> Counter:
    return new_counter()
