"""A house for each test."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from laambda.store import open_database
from tests.integration.api.house import House, open_house


@pytest.fixture(scope="session")
def empty_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the newest schema, made once."""
    path = tmp_path_factory.mktemp("rows") / "rows.db"
    open_database(f"sqlite:///{path}").migrate()
    return path


@pytest.fixture
def house(tmp_path: Path, empty_rows: Path) -> Iterator[House]:
    """A farm of the test's own."""
    with _opened(tmp_path, empty_rows) as opened:
        yield opened


@pytest.fixture(scope="module")
def quiet_house(tmp_path_factory: pytest.TempPathFactory, empty_rows: Path) -> Iterator[House]:
    """One farm with the app ``api``, for tests that change nothing."""
    with _opened(tmp_path_factory.mktemp("house"), empty_rows) as opened:
        opened.app()
        yield opened


@contextmanager
def _opened(folder: Path, empty_rows: Path) -> Iterator[House]:
    with closing(sqlite3.connect(empty_rows)) as template:
        template.execute("VACUUM INTO ?", (str(folder / "rows.db"),))
    with open_house(folder) as opened:
        yield opened
