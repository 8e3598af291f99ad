"""Refs move by compare-and-set, all or none, and not past a reservation."""

from __future__ import annotations

import pytest

from laambda.domain.refs import ZERO, Pack, RefUpdate
from laambda.errors import Conflict
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API, SHOP
from tests.integration.store.rows import Rows

A, B, C = "a" * 40, "b" * 40, "c" * 40
MAIN, TAG = "refs/heads/main", "refs/tags/v1"


@pytest.fixture
def at_a(database: SqlDatabase) -> SqlDatabase:
    """``main`` of api is at A."""
    with database.write() as tx:
        tx.refs.move(API, [RefUpdate(MAIN, ZERO, A)])
    return database


def refs(database: SqlDatabase) -> dict[str, str]:
    with database.read() as tx:
        return dict(tx.refs.all(API))


def test_refs_are_made_moved_and_deleted(at_a: SqlDatabase) -> None:
    with at_a.write() as tx:
        tx.refs.move(API, [RefUpdate(MAIN, A, B), RefUpdate(TAG, ZERO, A)])
    assert refs(at_a) == {MAIN: B, TAG: A}
    with at_a.write() as tx:
        tx.refs.move(API, [RefUpdate(MAIN, B, ZERO)])
        assert tx.refs.all(SHOP) == {}
    assert refs(at_a) == {TAG: A}


@pytest.mark.parametrize(
    ("update", "words"),
    [
        (RefUpdate(MAIN, B, C), "main moved to aaaaaaa, fetch first"),
        (RefUpdate(MAIN, ZERO, C), "main exists already at aaaaaaa, fetch first"),
        (RefUpdate(TAG, B, C), "v1 was deleted, fetch first"),
    ],
)
def test_a_ref_that_is_elsewhere_is_a_conflict(at_a: SqlDatabase, update: RefUpdate, words: str) -> None:
    with at_a.write() as tx, pytest.raises(Conflict, match=words):
        tx.refs.move(API, [update])
    assert refs(at_a) == {MAIN: A}


def test_a_move_of_several_is_all_or_none(at_a: SqlDatabase) -> None:
    with at_a.write() as tx, pytest.raises(Conflict, match="v1 was deleted"):
        tx.refs.move(API, [RefUpdate(MAIN, A, B), RefUpdate(TAG, B, C)])
    assert refs(at_a) == {MAIN: A}


def test_a_reserved_ref_is_moved_by_its_build_alone(at_a: SqlDatabase) -> None:
    build, other = Rows(at_a).add(), Rows(at_a).add()
    with at_a.write() as tx:
        tx.refs.reserve(API, [RefUpdate(MAIN, A, B)], build.id)
        tx.refs.reserve(API, [RefUpdate(MAIN, A, B)], build.id)
        for act in (tx.refs.move, tx.refs.reserve):
            with pytest.raises(Conflict, match=f"main is being released by build {build.id}"):
                act(API, [RefUpdate(MAIN, A, C)], build_id=other.id)
        tx.refs.move(API, [RefUpdate(MAIN, A, B)], build_id=build.id)
        tx.refs.move(API, [RefUpdate(MAIN, B, C)])
    assert refs(at_a) == {MAIN: C}


def test_reserving_checks_where_the_ref_is(at_a: SqlDatabase) -> None:
    build = Rows(at_a).add()
    with at_a.write() as tx, pytest.raises(Conflict, match="main moved to aaaaaaa"):
        tx.refs.reserve(API, [RefUpdate(MAIN, B, C)], build.id)


def test_a_ref_that_does_not_exist_yet_can_be_reserved(at_a: SqlDatabase) -> None:
    build = Rows(at_a).add()
    new = RefUpdate(TAG, ZERO, A)
    with at_a.write() as tx:
        tx.refs.reserve(API, [new], build.id)
        assert tx.refs.all(API) == {MAIN: A}
        with pytest.raises(Conflict, match=f"v1 is being released by build {build.id}"):
            tx.refs.move(API, [new])
        tx.refs.unreserve(build.id)
        tx.refs.move(API, [new])
    assert refs(at_a) == {MAIN: A, TAG: A}


def test_giving_up_a_reservation_frees_the_ref(at_a: SqlDatabase) -> None:
    build = Rows(at_a).add()
    with at_a.write() as tx:
        tx.refs.reserve(API, [RefUpdate(MAIN, A, B)], build.id)
        tx.refs.unreserve(build.id)
        tx.refs.move(API, [RefUpdate(MAIN, A, C)])
    assert refs(at_a) == {MAIN: C}


def test_what_a_build_reserved_is_told_until_it_is_moved_or_given_up(at_a: SqlDatabase) -> None:
    build, other = Rows(at_a).add(), Rows(at_a).add()
    with at_a.write() as tx:
        tx.refs.reserve(API, [RefUpdate(MAIN, A, B), RefUpdate(TAG, ZERO, A)], build.id)
        assert tx.refs.reserved(build.id) == {MAIN, TAG}
        assert tx.refs.reserved(other.id) == frozenset()
        tx.refs.move(API, [RefUpdate(MAIN, A, B)], build_id=build.id)
        assert tx.refs.reserved(build.id) == {TAG}
        tx.refs.unreserve(build.id)
        assert tx.refs.reserved(build.id) == frozenset()


def test_packs_come_in_order_and_once(at_a: SqlDatabase) -> None:
    packs = [Pack("packs/b", "b" * 64, 2), Pack("packs/a", "a" * 64, 1)]
    with at_a.write() as tx:
        for pack in (*packs, packs[0]):
            tx.refs.add_pack(API, pack)
        assert tx.refs.packs(API) == packs
        assert tx.refs.packs(SHOP) == []


def test_packs_are_replaced_by_one_or_not_at_all(at_a: SqlDatabase) -> None:
    one, two, three, other = (Pack(f"packs/{n}.tar", n * 64, 1) for n in "1234")
    with at_a.write() as tx:
        for pack in (one, two, three):
            tx.refs.add_pack(API, pack)
        assert tx.refs.replace_packs(API, [one, two], other)
        assert not tx.refs.replace_packs(API, [two, three], one)
        assert tx.refs.packs(API) == [three, other]


def test_a_ref_is_never_the_folder_of_another(at_a: SqlDatabase) -> None:
    with at_a.write() as tx, pytest.raises(Conflict, match="refs/heads/main/x and refs/heads/main can't both exist"):
        tx.refs.move(API, [RefUpdate(f"{MAIN}/x", ZERO, B)])
    with at_a.write() as tx:
        tx.refs.move(API, [RefUpdate(f"{MAIN}/x", ZERO, B), RefUpdate(MAIN, A, ZERO)])
    assert refs(at_a) == {f"{MAIN}/x": B}


def test_a_reserved_name_can_not_become_a_folder(at_a: SqlDatabase) -> None:
    build = Rows(at_a).add().id
    with at_a.write() as tx:
        tx.refs.reserve(API, [RefUpdate("refs/heads/a", ZERO, B)], build)
    with at_a.write() as tx, pytest.raises(Conflict, match="can't both exist"):
        tx.refs.move(API, [RefUpdate("refs/heads/a/b", ZERO, B)])
    with at_a.write() as tx:
        tx.refs.move(API, [RefUpdate("refs/heads/a", ZERO, B)], build_id=build)
    assert refs(at_a) == {MAIN: A, "refs/heads/a": B}


def test_what_became_a_folder_meanwhile_is_refused_when_its_build_begins_to_deploy(
    at_a: SqlDatabase,
) -> None:
    build = Rows(at_a).add().id
    with at_a.write() as tx:
        tx.refs.move(API, [RefUpdate("refs/heads/a/b", ZERO, B)])
    with at_a.write() as tx, pytest.raises(Conflict, match="refs/heads/a and refs/heads/a/b can't both exist"):
        tx.refs.reserve(API, [RefUpdate("refs/heads/a", ZERO, B)], build)


@pytest.mark.parametrize("old", [B, ZERO])
def test_a_check_names_the_ref_that_is_elsewhere_and_changes_nothing(at_a: SqlDatabase, old: str) -> None:
    with at_a.read() as tx:
        tx.refs.check(API, [RefUpdate(MAIN, A, B), RefUpdate(TAG, ZERO, A)])
        with pytest.raises(Conflict, match=r"main .* aaaaaaa, fetch first"):
            tx.refs.check(API, [RefUpdate(MAIN, old, C)])
    assert refs(at_a) == {MAIN: A}
