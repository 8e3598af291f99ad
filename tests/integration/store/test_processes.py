"""Many processes on one database: nothing lost, nothing taken twice, and what is said when it is away."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from laambda.errors import InvalidInput, PlatformError, Unavailable
from laambda.store import open_database
from laambda.store.database import SqlDatabase
from laambda.store.engine import make_engine
from tests.integration.store.conftest import API, Place
from tests.integration.store.rows import Rows
from tests.postgres_fixture import running_postgres

TAKE_VERSIONS = """
import sys
from laambda.domain.names import Scope
from laambda.store import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(100):
    with database.write() as tx:
        tx.apps.get(Scope("api"))
        tx.versions.take(Scope("api"))
"""

CLAIM = """
import sys
from laambda.store import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
won = []
for build in sys.argv[2:]:
    with database.write() as tx:
        claimed = tx.leases.claim(int(build), node="n", lease=600, attempts=3)
    if claimed:
        won.append((claimed.id, claimed.token))
print(won)
"""


def together(program: str, number: int, *arguments: str) -> list[str]:
    """Run copies of a program that start their work at the same moment; gives what each printed."""
    copies = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(number)
    ]
    for copy in copies:
        assert copy.stdout is not None
        assert copy.stdout.readline() == "ready\n"
    for copy in copies:
        assert copy.stdin is not None
        copy.stdin.write("go\n")
        copy.stdin.flush()
    answers = [copy.communicate(timeout=110)[0] for copy in copies]
    assert [copy.returncode for copy in copies] == [0] * number
    return answers


@pytest.mark.slow
def test_six_processes_count_to_600(database: SqlDatabase, place: Place) -> None:
    together(TAKE_VERSIONS, 6, place.url)
    with database.read() as tx:
        assert tx.apps.get(API).version == 600


@pytest.mark.slow
def test_of_claims_at_once_one_wins_and_tokens_are_unique(database: SqlDatabase, place: Place) -> None:
    rows = Rows(database)
    builds = [rows.add(detached=True) for _ in range(4)]
    answers = together(CLAIM, 4, place.url, *(str(build.id) for build in builds))
    won = [claim for answer in answers for claim in eval(answer)]
    assert len(won) == 1
    assert rows.get(builds[0]).scope == API
    assert [(each.id, each.token) for each in map(rows.get, builds) if each.token] == won


def test_a_forked_child_opens_connections_of_its_own(database: SqlDatabase) -> None:
    with database.write() as tx:
        tx.versions.take(API)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with database.write() as tx:
                code = 0 if tx.versions.take(API) == 2 else 1
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    with database.read() as tx:
        assert tx.apps.get(API).version == 2


def test_a_reading_transaction_cannot_write(database: SqlDatabase) -> None:
    with pytest.raises(PlatformError), database.read() as tx:
        tx.versions.take(API)
    with database.write() as tx:
        assert tx.versions.take(API) == 1


def test_readers_do_not_wait_for_a_writer(database: SqlDatabase) -> None:
    with database.write() as writer:
        writer.versions.take(API)
        with database.read() as reader:
            assert reader.apps.get(API).version == 0


def test_sqlite_keeps_every_commit(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite:///{tmp_path / 'laambda.db'}")
    with engine.connect() as connection:
        pragmas = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in PRAGMAS}
    assert pragmas == PRAGMAS
    engine.dispose()


PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000, "foreign_keys": 1}


def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="the database did not answer"):
        open_database(f"sqlite:///{tmp_path / 'absent' / 'laambda.db'}").migrate()
    away = open_database("postgresql://laambda:secret@127.0.0.1:1/laambda")
    with pytest.raises(Unavailable) as refused, away.read() as tx:
        tx.apps.all()
    assert "secret" not in str(refused.value)


def test_a_lock_held_for_too_long_is_unavailable(migrated_file: Path) -> None:
    holder = sqlite3.connect(migrated_file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    database = SqlDatabase(f"sqlite:///{migrated_file}", busy=0.0)
    with pytest.raises(Unavailable, match="database is locked"), database.write() as tx:
        tx.apps.all()
    holder.close()


def test_a_thread_that_waits_too_long_for_another_says_so(migrated_file: Path) -> None:
    database = SqlDatabase(f"sqlite:///{migrated_file}", busy=0.0)
    with database.write(), pytest.raises(Unavailable, match="another thread has been writing"):
        database.write().__enter__()
    with database.write() as tx:
        assert tx.apps.all() == []


@pytest.mark.slow
def test_after_a_restart_of_postgresql_the_next_transaction_works() -> None:
    with running_postgres() as server:
        database = SqlDatabase(server.fresh())
        database.migrate()
        server.kill()
        with pytest.raises(Unavailable), database.read() as tx:
            tx.apps.all()
        server.start()
        with database.read() as tx:
            assert tx.apps.all() == []
        database.close()


@pytest.mark.parametrize("url", ["mysql://host/name", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_another_kind_of_database_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_database(url)
    assert "sqlite:////path/to/file" in refused.value.hint
