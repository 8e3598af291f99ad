from __future__ import annotations

import hashlib

import pytest

from laambda.domain.refs import ZERO, Pack, RefUpdate
from laambda.errors import PlatformError, Unavailable
from laambda.source.cache import mend, show_refs
from tests.unit.source.conftest import SCOPE, Counter, FakeRepository

ONE = "1" * 40
MAIN = "refs/heads/main"


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


def test_one_pack_that_takes_the_place_of_others_meanwhile_is_fetched(counter: Counter) -> None:
    old = store(counter, b"one")
    new = store(counter, b"all")
    objects = counter.desk.services.objects
    repository = FakeRepository()

    def replace_first(pack: Pack) -> None:
        with counter.database.write() as tx:
            assert tx.refs.replace_packs(SCOPE, [old, new], new)

    objects.delete(old.key)
    repository.asked = replace_first
    mended(counter, repository)

    assert repository.packs == {new.sha256: b"all"}
