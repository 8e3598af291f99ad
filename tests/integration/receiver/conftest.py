"""A receiver in this process, on real SQLite and a folder of objects, and a customer with real git and ssh."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from laambda.access.keys import add_key
from laambda.domain.app import App
from laambda.domain.build import Build
from laambda.domain.names import Scope
from laambda.ports import Services
from laambda.settings import Settings
from laambda.store import open_database
from receiver.limits import Limits
from receiver.server import Receiver
from tests.fakes.farm import FakeFarm
from tests.fakes.objects import FakeObjects
from tests.fakes.output import FakeOutput
from tests.fakes.vault import FakeVault

SCOPE = Scope("api")
MAIN = "refs/heads/main"


@dataclass
class House:
    """The parts of the farm that a receiver touches."""

    services: Services
    farm: FakeFarm
    settings: Settings
    objects: FakeObjects
    url: str
    receivers: list[Receiver] = field(default_factory=list)

    def receiver(self, limits: Limits | None = None) -> tuple[str, int]:
        """Start another receiver; gives its address."""
        self.receivers.append(Receiver(self.services, self.settings, self.farm.limits, limits=limits))
        return self.receivers[-1].start()

    def create(self, scope: Scope) -> None:
        with self.services.database.write() as tx:
            tx.apps.create(App(scope, "arn:aws:iam::123456789012:role/api", datetime.now(UTC), "ada"))

    def refs(self, scope: Scope = SCOPE) -> dict[str, str]:
        with self.services.database.read() as tx:
            return dict(tx.refs.all(scope))

    def builds(self, scope: Scope = SCOPE) -> list[Build]:
        with self.services.database.read() as tx:
            return list(tx.builds.recent(scope, 100))


@dataclass
class Customer:
    """Somebody with a key, a work tree and git."""

    home: Path
    port: int
    key: Path

    @property
    def environment(self) -> dict[str, str]:
        ssh = f"ssh -F /dev/null -i {self.key} -o IdentitiesOnly=yes -o BatchMode=yes -o LogLevel=ERROR"
        known = f"-o UserKnownHostsFile={self.home}/known -o StrictHostKeyChecking=accept-new"
        return {
            "PATH": os.environ["PATH"],
            "HOME": os.fspath(self.home),
            "GIT_SSH_COMMAND": f"{ssh} {known}",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada",
            "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com",
        }

    def url(self, repository: str = "api") -> str:
        return f"ssh://git@127.0.0.1:{self.port}/{repository}.git"

    def start(self, *words: str, cwd: Path | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=cwd or self.home / "work",
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, cwd: Path | None = None) -> tuple[int, str]:
        """Exit code and everything that was printed."""
        with self.start(*words, cwd=cwd) as process:
            said, _ = process.communicate(timeout=60)
        return process.returncode, said

    def git(self, *words: str, cwd: Path | None = None) -> str:
        code, said = self.run("git", *words, cwd=cwd)
        assert code == 0, said
        return said.strip()

    def ssh(self, *words: str, user: str = "git") -> tuple[int, str]:
        command = self.environment["GIT_SSH_COMMAND"].split()
        return self.run(*command, "-p", str(self.port), f"{user}@127.0.0.1", *words)

    def push(self, *refs: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        return self.run("git", "push", *options, "laambda", *(refs or ("main",)))

    def commit(self, name: str, content: str) -> str:
        """Change one file; gives the new commit."""
        (self.home / "work" / name).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-qm", f"Change {name}")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path}/laambda.db"
    database = open_database(url)
    database.migrate()
    objects = FakeObjects(tmp_path / "objects")
    farm = FakeFarm()

    def no_cloud(target: object) -> object:
        raise AssertionError("the receiver has no business in the cloud")

    services = Services(database, objects, FakeVault(), farm, FakeOutput(), no_cloud)  # type: ignore[arg-type]
    farm.services = services
    with tempfile.TemporaryDirectory(prefix="lb") as run_dir:
        settings = Settings(home=tmp_path / "home", run_dir=Path(run_dir), ssh_port=0)
        house = House(services, farm, settings, objects, url)
        house.create(SCOPE)
        yield house
        for receiver in house.receivers:
            receiver.stop()


@pytest.fixture
def new_customer(house: House, tmp_path: Path) -> Callable[..., Customer]:
    """Make a customer of a receiver; one without ``known`` has a key that nobody added."""

    def make(name: str = "ada", *, known: bool = True, port: int | None = None) -> Customer:
        home = tmp_path / name
        (home / "work").mkdir(parents=True)
        key = home / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", os.fspath(key)], check=True)
        if known:
            add_key(house.services, key.with_suffix(".pub").read_text(), user=name, actor="test")
        customer = Customer(home, port or house.receiver()[1], key)
        customer.git("init", "-q", "-b", "main")
        customer.git("remote", "add", "laambda", customer.url())
        return customer

    return make


class Gate:
    """Work of a farm that stands still until the gate opens."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, build: Build, tell: Callable[[str], None]) -> None:
        tell("-----> At the gate")
        self.reached.set()
        assert self.opened.wait(20)
        tell("-----> Released v1")


@pytest.fixture
def gate(house: House) -> Gate:
    house.farm.work = gate = Gate()
    return gate


@pytest.fixture
def customer(new_customer: Callable[..., Customer]) -> Customer:
    ada = new_customer()
    ada.commit("app.py", "print('hello')\n")
    return ada
