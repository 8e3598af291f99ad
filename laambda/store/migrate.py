"""Bring the schema to the newest revision, once, however many processes start at the same moment.

A process that finds the revision current leaves at once, without importing alembic. The others wait for one
lock (PostgreSQL: an advisory lock; SQLite: the writing transaction) and look again inside it.
"""

from __future__ import annotations

from sqlalchemy import Connection, Engine, func, inspect, select, text

from laambda.errors import PlatformError
from laambda.store.migrations import HEAD

_MIGRATION = 0x6C61616E
"""Key of PostgreSQL's advisory lock."""


def migrate(engine: Engine) -> None:
    """Raises PlatformError where the schema is of a newer laambda."""
    with engine.execution_options(laambda_reads=True).connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION)))
        if _revision(connection) != HEAD:
            _upgrade(connection)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", "laambda.store:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise PlatformError(
            f"the database's schema can't be brought to revision {HEAD}: {error}",
            hint="It may belong to a newer laambda: upgrade this one",
        ) from error
