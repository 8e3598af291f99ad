"""Databases for the tests here: SQLite and PostgreSQL, each migrated once and copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from laambda.domain.app import App
from laambda.domain.names import Scope
from laambda.store.database import SqlDatabase
from tests.postgres_fixture import PostgresServer

API = Scope("api")
SHOP = Scope("shop")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Place:
    """Where a test's rows are, for those who open the database themselves."""

    url: str


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest revision."""
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    database = SqlDatabase(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(scope="session")
def migrated_url(postgres_server: PostgresServer) -> str:
    """A PostgreSQL database at the newest revision, which the tests share one after the other."""
    url = postgres_server.fresh()
    database = SqlDatabase(url)
    database.migrate()
    database.close()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A migrated database without apps, on SQLite, then on PostgreSQL."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "laambda.db")
        return Place(f"sqlite:///{tmp_path / 'laambda.db'}")
    url = request.getfixturevalue("migrated_url")
    with psycopg.connect(url) as connection:
        for table in ("apps", "audit", "ssh_keys", "api_tokens"):
            connection.execute(f"DELETE FROM {table}")
    return Place(url)


@pytest.fixture
def database(place: Place) -> Iterator[SqlDatabase]:
    """The same with the apps ``api`` and ``shop``."""
    opened = SqlDatabase(place.url)
    with opened.write() as tx:
        for scope in (API, SHOP):
            tx.apps.create(App(scope, "arn:aws:iam::123456789012:role/lambda", NOON, "ada"))
    yield opened
    opened.close()
