"""The schema comes up from nothing, once, and is what the tables say."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from laambda.errors import PlatformError
from laambda.store import open_database
from laambda.store.engine import make_engine
from laambda.store.migrations import HEAD
from laambda.store.schema import metadata

MIGRATE = "import sys; from laambda.store import open_database; open_database(sys.argv[1]).migrate()"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("postgres_url"))


def test_the_migrated_schema_is_that_of_the_tables(empty_url: str) -> None:
    open_database(empty_url).migrate()
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_conditions_of_indexes_and_checks_are_those_of_the_tables(empty_url: str) -> None:
    """What alembic's comparison leaves out."""
    engine = make_engine(empty_url)
    open_database(empty_url).migrate()
    migrated = conditions(engine)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert migrated == conditions(engine)
    assert "phase" in migrated["uq_builds_building"]
    assert "state" in migrated["ck_builds_phase_runs"]
    engine.dispose()


def conditions(engine: Engine) -> dict[str, str]:
    """The condition of each index that has one, and each check's text, by name."""
    with engine.connect() as connection:
        seen = inspect(connection)
        found = {}
        for table in metadata.tables:
            for index in seen.get_indexes(table):
                where = index.get("dialect_options", {}).get(f"{engine.dialect.name}_where", "")
                found[str(index["name"])] = f"{index['column_names']} {index['unique']} {where}"
            found |= {str(check["name"]): check["sqltext"] for check in seen.get_check_constraints(table)}
        return found


def test_the_head_that_starts_compare_with_is_the_newest_revision() -> None:
    folder = Path(sys.modules[open_database.__module__].__file__ or "").parent / "migrations"
    assert ScriptDirectory(str(folder)).get_heads() == [HEAD]


@pytest.mark.slow
def test_processes_that_start_together_migrate_once(empty_url: str) -> None:
    started = [subprocess.Popen([sys.executable, "-c", MIGRATE, empty_url], stderr=subprocess.PIPE) for _ in range(5)]
    errors = [process.communicate(timeout=60)[1].decode() for process in started]
    assert errors == [""] * 5
    with open_database(empty_url).read() as tx:
        assert tx.apps.environment("production").name == "production"


def test_a_current_schema_is_found_without_the_migration_tool(migrated_file: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_file, tmp_path / "current.db")
    program = f"{MIGRATE}; print('alembic' in sys.modules)"
    url = f"sqlite:///{tmp_path / 'current.db'}"
    ran = subprocess.run([sys.executable, "-c", program, url], check=True, capture_output=True, text=True)
    assert ran.stdout == "False\n"


def test_a_schema_of_a_newer_laambda_is_refused(migrated_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "newer.db"
    shutil.copy(migrated_file, path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(PlatformError, match=f"can't be brought to revision {HEAD}"):
        open_database(f"sqlite:///{path}").migrate()
