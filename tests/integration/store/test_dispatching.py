"""What the dispatcher is told by real rows; the rules themselves are in the unit tests of turns."""

from __future__ import annotations

import pytest

from laambda.domain.build import BuildKind, BuildState
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import SHOP, Place
from tests.integration.store.rows import MAIN, OVER, Rows


@pytest.fixture
def rows(database: SqlDatabase) -> Rows:
    return Rows(database)


def test_a_sent_row_is_ready_again_only_after_its_time(rows: Rows) -> None:
    build = rows.add()
    assert rows.ready() == [build.id]
    rows.send(build)
    assert rows.ready() == []
    rows.send(build, resend_after=OVER)
    assert rows.ready() == [build.id]


def test_what_was_sent_and_lost_is_ready_at_once(rows: Rows) -> None:
    build = rows.add()
    rows.send(build)
    with rows.database.write() as tx:
        tx.dispatching.forget_sent()
    assert rows.ready() == [build.id]


def test_in_flight_are_rows_sent_or_held(rows: Rows) -> None:
    held, sent = rows.add(), rows.add(scope=SHOP)
    rows.add(scope=SHOP)
    rows.send(held, sent)
    held = rows.claimed(held)
    with rows.database.read() as tx:
        assert tx.dispatching.in_flight() == 2
    rows.expire(held)
    with rows.database.read() as tx:
        assert tx.dispatching.in_flight() == 1


def test_an_app_that_was_served_goes_behind_the_others(rows: Rows) -> None:
    first, other = rows.add(detached=True), rows.add(scope=SHOP)
    second = rows.add(detached=True)
    assert rows.ready() == [first.id, other.id]
    rows.send(first)
    with rows.database.write() as tx:
        tx.leases.end_queued(first.id, BuildState.CANCELLED, error="")
    assert rows.ready() == [other.id, second.id]


def test_an_expired_row_is_ready_with_its_refs(rows: Rows) -> None:
    build = rows.claimed(rows.add(), lease=OVER)
    with rows.database.write() as tx:
        assert tx.dispatching.ready(1) == [build]


def test_attached_pushes_of_a_ref_go_one_after_the_other(rows: Rows) -> None:
    first, second = rows.add(), rows.add()
    assert rows.ready() == [first.id]
    first = rows.built(first)
    assert rows.enter_deploy(first)
    assert rows.ready() == []
    with rows.database.write() as tx:
        tx.leases.finish(first.id, first.token, BuildState.SUCCEEDED)
    assert rows.ready() == [second.id]


def test_rows_out_of_attempts_are_told_unless_published(rows: Rows) -> None:
    lost, published = rows.add(), rows.claimed(rows.add(BuildKind.ROLLBACK, scope=SHOP))
    rows.claimed(lost, lease=OVER)
    assert rows.enter_deploy(published)
    assert rows.publish(published)
    rows.expire(published)
    with rows.database.read() as tx:
        assert [build.id for build in tx.dispatching.exhausted(1)] == [lost.id]
        assert tx.dispatching.exhausted(2) == []


def test_there_is_one_dispatcher_at_a_time(rows: Rows, place: Place) -> None:
    with rows.database.write() as tx:
        assert tx.dispatching.lock()
        if place.url.startswith("postgresql"):
            with rows.database.write() as other:
                assert not other.dispatching.lock()
    with rows.database.write() as tx:
        assert tx.dispatching.lock()


def test_older_detached_rows_of_a_ref_are_overtaken_while_they_are_queued(rows: Rows) -> None:
    rows.claimed(rows.add(detached=True))
    old, _, newest = rows.add(detached=True), rows.add(), rows.add(BuildKind.RETRY, refs=(MAIN,))
    rows.add(scope=SHOP, detached=True)
    with rows.database.read() as tx:
        assert tx.dispatching.overtaken() == {old.id: newest.id}
