"""A real PostgreSQL for tests: a private cluster per test process, on a free port, gone with its folder."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psycopg
import pytest

USER = "postgres"
"""PostgreSQL refuses to run as root; Debian's package brings this user."""


@dataclass
class PostgresServer:
    """A cluster that can be stopped and started again."""

    programs: Path
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    _numbers: Iterator[int] = field(default_factory=count)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def fresh(self, template: str = "template1") -> str:
        """The URL of a new database, a copy of ``template``."""
        name = f"test{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def start(self) -> None:
        """Run it until it answers; it dies with this process."""
        options = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
            "shared_buffers": "16MB",
            "max_connections": 60,
        }
        switches = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), *switches]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "INT", *as_postgres(), *command], stdout=log, stderr=log, cwd="/"
            )
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, "PostgreSQL does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, without a checkpoint."""
        if self.process is not None:
            self.process.send_signal(3)
            self.process.wait()
            self.process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


def as_postgres() -> list[str]:
    """Options of setpriv(1) that give root up; none for anybody else."""
    return ["--reuid", USER, "--regid", USER, "--clear-groups"] if os.geteuid() == 0 else []


def find_programs() -> Path:
    """The folder of initdb; skips where the machine has none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        pytest.skip("needs PostgreSQL: apt-get install -y --no-install-recommends postgresql")
    return found[-1].parent


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A new cluster, trusted by everyone on this machine's loopback, that keeps nothing."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="laambda-pg", dir="/tmp"))
    try:
        if os.geteuid() == 0:
            user = pwd.getpwnam(USER)
            os.chown(folder, user.pw_uid, user.pw_gid)
        initdb = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "-E", "UTF8"]
        command = ["setpriv", "--inh-caps", "-all", *as_postgres(), *initdb, "--no-sync", "--no-instructions"]
        subprocess.run(command, check=True, capture_output=True, cwd="/")
        server = PostgresServer(programs, folder, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One cluster for all tests of this process."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """A new empty database for this test."""
    return postgres_server.fresh()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
