"""Engines for the two databases, set up so that no commit is lost and no writer reads before it locks.

SQLite: the driver's own transaction handling is off, a writing transaction starts with BEGIN IMMEDIATE (a
deferred one that reads first and writes later fails under load), the log is synced at each commit. Reading
transactions can't write on either database. An engine opens nothing before its first transaction, and a forked
child forgets its parent's connections without closing them.
"""

from __future__ import annotations

import os
import weakref
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry

from laambda.errors import InvalidInput

BUSY_SECONDS = 30.0

_READS = "laambda_reads"
_POSTGRESQL_OPTIONS = "-c statement_timeout=30s -c lock_timeout=15s -c idle_in_transaction_session_timeout=15s"
"""A worker that is stopped inside a transaction must not keep its locks for ever."""


def make_engine(text: str, *, busy: float = BUSY_SECONDS) -> Engine:
    """An engine for ``sqlite:///PATH`` or ``postgresql://...``; raises InvalidInput for anything else.

    ``busy`` is how many seconds a SQLite transaction waits for another writer before it fails.
    """
    url = _url(text)
    engine = _sqlite(url, busy) if url.get_backend_name() == "sqlite" else _postgresql(url)
    reference = weakref.ref(engine)

    def forget() -> None:
        if (known := reference()) is not None:
            known.dispose(close=False)

    os.register_at_fork(after_in_child=forget)
    return engine


def reading(engine: Engine) -> Engine:
    """The same engine and pool, for transactions that only read."""
    return engine.execution_options(**{_READS: True, "postgresql_readonly": True})


def _url(text: str) -> URL:
    try:
        url = make_url(text.replace("postgres://", "postgresql://", 1))
    except ArgumentError:
        raise InvalidInput(
            "the database URL can't be read", hint="Use sqlite:////path/to/file or postgresql://user@host/name"
        ) from None
    backend = url.get_backend_name()
    if backend == "sqlite" and url.database and url.database != ":memory:":
        return url.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    raise InvalidInput(
        f"laambda does not keep its rows in {backend}",
        hint="Use sqlite:////path/to/file or postgresql://user@host/name",
    )


def _sqlite(url: URL, busy: float) -> Engine:
    engine = create_engine(url, hide_parameters=True, pool_timeout=BUSY_SECONDS, connect_args={"timeout": busy})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _postgresql(url: URL) -> Engine:
    connect = {"connect_timeout": 5, "options": _POSTGRESQL_OPTIONS, "application_name": "laambda"}
    return create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=BUSY_SECONDS,
        connect_args={name: value for name, value in connect.items() if name not in url.query},
    )
