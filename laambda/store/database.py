"""Transactions: the one place where the driver's errors become ours."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from laambda.errors import PlatformError, Unavailable
from laambda.ports import Transaction
from laambda.store.access import AccessRows, AuditRows
from laambda.store.apps import AppRows, VersionRows
from laambda.store.builds import BuildRows
from laambda.store.config import ConfigBagRows
from laambda.store.dispatching import DispatchRows
from laambda.store.engine import BUSY_SECONDS, make_engine, reading
from laambda.store.leases import LeaseRows
from laambda.store.refs import RefRows
from laambda.store.releases import ReleaseRows
from laambda.store.second_looks import SecondLookRows
from laambda.store.session import Clock, Session


class SqlTransaction:
    """The repositories of one transaction, each made when it is asked for."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def now(self) -> datetime:
        return self._session.now()

    @cached_property
    def apps(self) -> AppRows:
        return AppRows(self._session)

    @cached_property
    def versions(self) -> VersionRows:
        return VersionRows(self._session)

    @cached_property
    def builds(self) -> BuildRows:
        return BuildRows(self._session)

    @cached_property
    def leases(self) -> LeaseRows:
        return LeaseRows(self._session)

    @cached_property
    def dispatching(self) -> DispatchRows:
        return DispatchRows(self._session)

    @cached_property
    def refs(self) -> RefRows:
        return RefRows(self._session)

    @cached_property
    def releases(self) -> ReleaseRows:
        return ReleaseRows(self._session)

    @cached_property
    def second_looks(self) -> SecondLookRows:
        return SecondLookRows(self._session)

    @cached_property
    def config(self) -> ConfigBagRows:
        return ConfigBagRows(self._session)

    @cached_property
    def access(self) -> AccessRows:
        return AccessRows(self._session)

    @cached_property
    def audit(self) -> AuditRows:
        return AuditRows(self._session)


class SqlDatabase:
    """One engine. Safe for many threads; a thread holds one transaction at a time."""

    def __init__(self, url: str, clock: Clock | None = None, *, busy: float = BUSY_SECONDS) -> None:
        self._engine = make_engine(url, busy=busy)
        self._reading = reading(self._engine)
        weakref.finalize(self, self._engine.dispose)
        on_postgresql = self._engine.dialect.name == "postgresql"
        self._clock = None if on_postgresql else (clock or utc_now)
        self._turns = None if on_postgresql else threading.Lock()
        self._busy = busy

    @contextmanager
    def write(self) -> Iterator[Transaction]:
        with self._turn(), self._transaction(self._engine) as transaction:
            yield transaction

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        with self._transaction(self._reading) as transaction:
            yield transaction

    def migrate(self) -> None:
        # Its tool takes longer to import than all the rest, and most processes find the schema current.
        from laambda.store.migrate import migrate

        with translated_errors():
            migrate(self._engine)

    def close(self) -> None:
        """Close the idle connections; the next transaction opens new ones."""
        self._engine.dispose()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """SQLite lets writers in by chance, polling with growing pauses; the threads of a process queue instead."""
        if self._turns is None:
            yield
            return
        if not self._turns.acquire(timeout=self._busy):
            raise Unavailable(f"the database did not answer: another thread has been writing for {self._busy:g} s")
        try:
            yield
        finally:
            self._turns.release()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Transaction]:
        with translated_errors(), engine.begin() as connection:
            yield SqlTransaction(Session(connection, self._clock))


def utc_now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def translated_errors() -> Iterator[None]:
    """Unavailable where the database is away or was locked for too long, PlatformError for the rest."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable(f"the database did not answer: {_reason(error)}") from error
    except SQLAlchemyError as error:
        raise PlatformError(f"the database refused: {_reason(error)}") from error


def _reason(error: SQLAlchemyError) -> str:
    """The driver's own first line: neither statement nor values are in it."""
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
