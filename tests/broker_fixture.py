"""Real brokers for tests: each a private process on a unix socket in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import redis

from laambda.cli.embedded import broker_program
from laambda.lifeline import die_with_parent

BROKERS = ("valkey", "redis")


@dataclass
class Broker:
    """A broker that can be killed and started again. ``url`` is Celery's spelling, ``redis_url`` redis-py's."""

    program: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "s"

    @property
    def url(self) -> str:
        return f"redis+socket://{self.socket}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.socket}"

    def client(self) -> redis.Redis:
        """A client that gives text."""
        return redis.Redis.from_url(self.redis_url, decode_responses=True)

    def start(self) -> None:
        """Run it until it answers."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.folder)]
        options += ["--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [self.program, *options],
            stdout=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - async-signal-safe
        )
        deadline = time.monotonic() + 10
        while not self._answers():
            assert self.process.poll() is None, f"{self.program} ended with code {self.process.returncode}"
            assert time.monotonic() < deadline, f"{self.program} does not answer"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a power cut would; it keeps nothing."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.socket.unlink(missing_ok=True)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def find_program(kind: str) -> str:
    """The broker's binary; skips the test where the machine has none."""
    if kind == "valkey":
        return broker_program()
    found = shutil.which("redis-server")
    if found is None:
        pytest.skip("needs Debian's redis-server (tests/setup.sh)")
    return found


@contextmanager
def running_broker(kind: str) -> Iterator[Broker]:
    """Run a broker of ``kind``. Its folder is short, for unix sockets take 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="lb") as folder:
        broker = Broker(find_program(kind), Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


@pytest.fixture(scope="session")
def brokers() -> Iterator[Callable[[str], Broker]]:
    """Gives the broker of a kind, started when it is first asked for: one of each for all tests of a worker."""
    with ExitStack() as running:
        yield cache(lambda kind: running.enter_context(running_broker(kind)))


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest, brokers: Callable[[str], Broker]) -> Broker:
    """Valkey, then Redis, each with nothing in it."""
    return emptied(brokers(request.param))


def emptied(broker: Broker) -> Broker:
    """The same, with nothing in it."""
    with broker.client() as client:
        client.flushall()
    return broker
