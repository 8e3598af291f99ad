"""Many stored packs become one, and nothing is lost."""

from __future__ import annotations

import hashlib

import pytest

from laambda.domain.refs import Pack
from laambda.errors import Unavailable
from laambda.source.packs import consolidate
from tests.fakes.objects import FakeObjects
from tests.unit.source.conftest import SCOPE, Counter, FakeRepository


@pytest.fixture
def objects(counter: Counter) -> FakeObjects:
    found = counter.desk.services.objects
    assert isinstance(found, FakeObjects)
    return found


@pytest.fixture
def repository(counter: Counter) -> FakeRepository:
    """It holds three packs, which are stored."""
    repository = FakeRepository()
    for content in (b"one", b"two", b"three"):
        pack = Pack(f"packs/{content.decode()}.tar", hashlib.sha256(content).hexdigest(), len(content))
        add(counter, pack, content)
        repository.packs[pack.sha256] = content
    return repository


def add(counter: Counter, pack: Pack, content: bytes) -> None:
    counter.desk.services.objects.put(pack.key, content)
    with counter.database.write() as tx:
        tx.refs.add_pack(SCOPE, pack)


def packs(counter: Counter) -> list[Pack]:
    with counter.database.read() as tx:
        return list(tx.refs.packs(SCOPE))


def run(counter: Counter, repository: FakeRepository, enough: int = 2) -> bool:
    return consolidate(
        repository,
        SCOPE,
        database=counter.database,
        objects=counter.desk.services.objects,
        workspace=counter.desk.workspace,
        enough=enough,
    )


def test_one_pack_takes_the_place_of_many(counter: Counter, repository: FakeRepository, objects: FakeObjects) -> None:
    assert run(counter, repository)

    (one,) = packs(counter)
    assert one.sha256 == hashlib.sha256(b"one+two+three").hexdigest()
    assert objects.keys() == [one.key]
    assert repository.has_pack(one)


def test_a_few_packs_stay(counter: Counter, repository: FakeRepository) -> None:
    assert not run(counter, repository, enough=3)
    assert len(packs(counter)) == 3


def test_a_pack_that_is_not_in_this_cache_is_not_left_out(counter: Counter, repository: FakeRepository) -> None:
    add(counter, Pack("packs/four.tar", "4" * 64, 4), b"four")

    assert not run(counter, repository)
    assert len(packs(counter)) == 4


def test_what_is_pushed_meanwhile_keeps_its_pack(
    counter: Counter, repository: FakeRepository, objects: FakeObjects
) -> None:
    late = Pack("packs/late.tar", "5" * 64, 4)
    repository.repacked = lambda: add(counter, late, b"late")

    assert run(counter, repository)
    assert packs(counter)[0] == late
    assert objects.exists(late.key)
    assert len(packs(counter)) == 2


def test_of_two_receivers_one_gives_way(counter: Counter, repository: FakeRepository, objects: FakeObjects) -> None:
    def other() -> None:
        repository.repacked = lambda: None
        assert run(counter, repository)

    repository.repacked = other
    assert not run(counter, repository)
    assert objects.keys() == [pack.key for pack in packs(counter)]


def test_an_object_store_that_is_away_changes_nothing(
    counter: Counter, repository: FakeRepository, objects: FakeObjects
) -> None:
    def leave() -> None:
        objects.away = True

    before = packs(counter)
    repository.repacked = leave
    with pytest.raises(Unavailable):
        run(counter, repository)

    assert packs(counter) == before
