from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from laambda.domain.refs import ZERO, Pack, RefUpdate
from laambda.errors import PlatformError, Unavailable
from laambda.source.cache import mend, show_refs
from tests.unit.source.conftest import SCOPE, Counter

ONE = "1" * 40
MAIN = "refs/heads/main"


class FakeRepository:
    """Implements ``ports.Repository`` in memory; ``events`` tells the order of what was done to it."""

    def __init__(self) -> None:
        self.packs: dict[str, bytes] = {}
        self.shown: dict[str, str] = {}
        self.events: list[str] = []
        self.locked = False

    @contextmanager
    def lock(self) -> Iterator[None]:
        self.locked = True
        yield
        self.locked = False

    def has_pack(self, pack: Pack) -> bool:
        return pack.sha256 in self.packs

    def add_pack(self, pack: Pack, archive: Path) -> None:
        assert self.locked
        self.packs[pack.sha256] = archive.read_bytes()
        self.events.append("pack")

    def keep_pack(self, pack: Pack) -> None:
        self.packs[pack.sha256] = b""

    def refs(self) -> Mapping[str, str]:
        return self.shown

    def set_refs(self, refs: Mapping[str, str]) -> None:
        assert self.locked
        self.shown = dict(refs)
        self.events.append("refs")


def store(counter: Counter, content: bytes, *, digest: str = "") -> Pack:
    """A pushed pack: its object, its row, and main at ONE."""
    pack = Pack(f"packs/{content.decode()}.tar", digest or hashlib.sha256(content).hexdigest(), len(content))
    counter.desk.services.objects.put(pack.key, content)
    with counter.database.write() as tx:
        tx.refs.add_pack(SCOPE, pack)
        if MAIN not in tx.refs.all(SCOPE):
            tx.refs.move(SCOPE, [RefUpdate(MAIN, ZERO, ONE)])
    return pack


def mended(counter: Counter, repository: FakeRepository) -> FakeRepository:
    mend(
        repository,
        SCOPE,
        database=counter.database,
        objects=counter.desk.services.objects,
        workspace=counter.desk.workspace,
    )
    return repository


def test_packs_come_before_the_refs_that_need_them(counter: Counter) -> None:
    pack = store(counter, b"one")
    repository = mended(counter, FakeRepository())

    assert repository.packs == {pack.sha256: b"one"}
    assert repository.shown == {MAIN: ONE}
    assert repository.events == ["pack", "refs"]


def test_what_is_there_is_left_alone(counter: Counter) -> None:
    store(counter, b"one")
    repository = mended(counter, FakeRepository())
    repository.events.clear()
    counter.desk.services.objects.away = True  # type: ignore[attr-defined]

    assert mended(counter, repository).events == []


def test_a_ref_that_is_no_row_goes(counter: Counter) -> None:
    repository = FakeRepository()
    repository.shown = {"refs/heads/old": ONE}

    assert mended(counter, repository).shown == {}


def test_a_damaged_pack_is_not_taken(counter: Counter) -> None:
    store(counter, b"one", digest="0" * 64)
    with pytest.raises(PlatformError, match=r"packs/one\.tar is damaged"):
        mended(counter, FakeRepository())


def test_a_lost_pack_is_our_fault(counter: Counter) -> None:
    counter.desk.services.objects.delete(store(counter, b"one").key)
    with pytest.raises(PlatformError, match=r"packs/one\.tar is gone"):
        mended(counter, FakeRepository())


def test_an_object_store_that_is_away_shows_no_refs(counter: Counter) -> None:
    store(counter, b"one")
    counter.desk.services.objects.away = True  # type: ignore[attr-defined]
    repository = FakeRepository()
    with pytest.raises(Unavailable):
        mended(counter, repository)

    assert repository.shown == {}


def test_after_a_push_the_refs_alone_are_shown(counter: Counter) -> None:
    store(counter, b"one")
    repository = FakeRepository()
    show_refs(repository, SCOPE, database=counter.database)

    assert (repository.shown, repository.events) == ({MAIN: ONE}, ["refs"])
