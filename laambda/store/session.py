"""What every repository works with: one open transaction and the clock that its leases follow.

On PostgreSQL the clock is the server's, read when a statement runs and not when its transaction began, since a
statement may have waited for a lock. On SQLite all processes share one machine and its clock is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Connection, CursorResult, Interval, Table, func, literal, type_coerce
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import Executable

from laambda.store.columns import Moment

Clock = Callable[[], datetime]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Session:
    """One transaction. ``clock`` is None where the database's own is used."""

    connection: Connection
    clock: Clock | None

    def run(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        return cast("CursorResult[Any]", self.connection.execute(statement, parameters))

    def changed(self, statement: Executable) -> bool:
        """Run an UPDATE or DELETE and tell whether it met a row."""
        return self.run(statement).rowcount > 0

    def now(self) -> datetime:
        """The time, UTC."""
        if self.clock is not None:
            return self.clock()
        return cast("datetime", self.connection.scalar(func.clock_timestamp(type_=Moment()).select()))

    def moment(self, after: float = 0.0) -> ColumnElement[datetime]:
        """SQL for the time ``after`` seconds from now."""
        wait = timedelta(seconds=after)
        if self.clock is not None:
            return literal(self.clock() + wait, Moment())
        now: ColumnElement[datetime] = func.clock_timestamp(type_=Moment())
        return type_coerce(now + literal(wait, Interval()), Moment()) if after else now

    def insert_new(self, table: Table, **values: Any) -> bool:
        """Insert a row unless one with its key exists; tells whether it was inserted."""
        insert = postgresql.insert if self.connection.dialect.name == "postgresql" else sqlite.insert
        added = insert(table).values(values).on_conflict_do_nothing().returning(*table.primary_key.columns)
        return self.run(added).first() is not None

    def attempt(self, write: Callable[[], Result]) -> Result | None:
        """Do ``write`` in a savepoint. None where a unique index refused it: nothing is changed then and the
        transaction lives on. Any other violation (a missing parent row) is raised."""
        try:
            with self.connection.begin_nested():
                return write()
        except IntegrityError as error:
            if _breaks_uniqueness(error):
                return None
            raise


def _breaks_uniqueness(error: IntegrityError) -> bool:
    state = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "sqlite_errorname", "")
    return state in ("23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY")
