"""A lease beats while its link works, and is lost for good when it could not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from laambda.dispatch.lease import GRACE, LOOK, BeatingLease
from laambda.domain.build import BuildState
from laambda.errors import LeaseLost, Unavailable
from laambda.ports import Database, Transaction
from tests.unit.dispatch.conftest import House


class Beats:
    """A database that tells when it was written to or read, and may be away; the next ``unread`` reads fail."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.beaten = threading.Semaphore(0)
        self.looked = threading.Semaphore(0)
        self.unread = 0
        self.away = False

    def write(self) -> AbstractContextManager[Transaction]:
        return self._beat()

    def read(self) -> AbstractContextManager[Transaction]:
        self.looked.release()
        if self.unread:
            self.unread -= 1
            raise Unavailable("the database did not answer")
        return self._database.read()

    def migrate(self) -> None: ...

    @contextmanager
    def _beat(self) -> Iterator[Transaction]:
        try:
            if self.away:
                raise Unavailable("the database did not answer")
            with self._database.write() as tx:
                yield tx
        finally:
            self.beaten.release()


@pytest.fixture
def beats(house: House) -> Beats:
    return Beats(house.services.database)


def held(house: House, beats: Beats, seconds: float, lost: threading.Event) -> BeatingLease:
    build = house.push()
    with house.services.database.write() as tx:
        claimed = tx.leases.claim(build.id, node="a", lease=seconds, attempts=3)
    assert claimed is not None
    return BeatingLease(beats, build.id, claimed.token, seconds, lost.set)


def test_it_beats_while_it_is_held(house: House, beats: Beats) -> None:
    lost = threading.Event()
    with held(house, beats, 1.0, lost) as lease:
        for _ in range(3):
            assert beats.beaten.acquire(timeout=5)
        lease.check()
    assert not lost.is_set()


def test_a_row_taken_over_is_noticed_at_the_next_beat(house: House, beats: Beats) -> None:
    with held(house, beats, 0.4, threading.Event()) as lease:
        house.clock.pass_(60)
        with house.services.database.write() as tx:
            assert tx.leases.claim(1, node="b", lease=30, attempts=3)
        assert beats.beaten.acquire(timeout=5)
        assert beats.beaten.acquire(timeout=0.3) is False
        with pytest.raises(LeaseLost, match="build 1"):
            lease.check()


def test_a_database_that_is_away_too_long_loses_the_lease(house: House, beats: Beats) -> None:
    with held(house, beats, 0.2, threading.Event()) as lease:
        beats.away = True
        while beats.beaten.acquire(timeout=0.5):
            pass
        with pytest.raises(LeaseLost):
            lease.check()


@pytest.mark.slow
def test_a_step_that_does_not_notice_is_stopped(house: House, beats: Beats) -> None:
    lost = threading.Event()
    with held(house, beats, 0.2, lost):
        beats.away = True
        assert lost.wait(10)


def test_a_step_that_ends_in_time_is_not_stopped(house: House, beats: Beats) -> None:
    lost = threading.Event()
    with held(house, beats, 0.2, lost):
        beats.away = True
        while beats.beaten.acquire(timeout=0.5):
            pass
    assert not lost.wait(0.1)


@pytest.mark.slow
def test_a_cancelled_row_is_noticed_long_before_the_next_beat(house: House, beats: Beats) -> None:
    lost = threading.Event()
    with held(house, beats, 60, lost) as lease:
        with house.services.database.write() as tx:
            assert tx.leases.finish(1, lease.token, BuildState.CANCELLED, error="cancelled by ada")
        assert lost.wait(LOOK + GRACE + 5)
    assert not beats.beaten.acquire(blocking=False)


@pytest.mark.slow
def test_an_outage_between_two_beats_proves_nothing(house: House, beats: Beats) -> None:
    with held(house, beats, 60, threading.Event()) as lease:
        beats.unread = 1
        assert beats.looked.acquire(timeout=LOOK + 5)
        assert beats.looked.acquire(timeout=LOOK + 5)
        lease.check()
