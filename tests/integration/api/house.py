"""A farm in one process: the real API on loopback, the real rows, links and releases; a cloud in memory."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import uvicorn

from laambda.access.tokens import create_token
from laambda.api.application import make_app
from laambda.api.caller import Farm
from laambda.cli.run import run
from laambda.client import Client
from laambda.cloud.keyfile import KeyFileVault
from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.link import Node, run_link
from laambda.dispatch.requests import enqueue
from laambda.domain.build import Build, BuildKind, NewBuild, Step, steps_of
from laambda.domain.names import Scope
from laambda.errors import BuildFailed
from laambda.ports import LinkContext, Services, TargetCloud
from laambda.release.deploy import deploy
from laambda.release.record import record
from laambda.store import open_database
from tests.fakes.functions import FakeAliases, FakeInvoker, FakeLambda, FakeLogs
from tests.fakes.objects import FakeObjects
from tests.fakes.output import FakeOutput

API = Scope("api")
ROLE = "arn:aws:iam::123456789012:role/functions"
LIMITS = FarmLimits()


def built(processes: Sequence[str], sha256: str) -> dict[Step, Callable[[LinkContext], Mapping[str, Any]]]:
    """The building links, without a build."""
    detected = {
        "runtime": "python3.13",
        "architecture": "x86_64",
        "processes": [{"name": name, "handler": f"{name}.handler"} for name in processes],
    }
    uploaded = {"slug": sha256[:8], "key": f"slugs/{sha256[:8]}.zip", "sha256": sha256, "size": 1000, "unzipped": 3000}
    results: dict[Step, dict[str, Any]] = {Step.DETECT: detected, Step.UPLOAD: uploaded}
    return {step: (lambda _, step=step: results.get(step, {})) for step in Step}


class OneWorker:
    """Implements ``ports.TaskQueue``: runs what it is sent, link by link, in a thread. ``work`` is each link's step."""

    def __init__(self, folder: Path) -> None:
        self.services: Services | None = None
        self.work = {**built(["create", "resize"], "c2hhMQ=="), Step.DEPLOY: deploy, Step.RECORD: record}
        self._node = Node("one", folder / "workspaces", folder / "cache", lambda: None)

    def send(self, build: Build, steps: Sequence[Step], *, queue: str, token: int | None = None) -> None:
        threading.Thread(target=self._run, args=(build, steps, token), daemon=True).start()

    def survived(self) -> bool:
        return True

    def _run(self, build: Build, steps: Sequence[Step], token: int | None) -> None:
        assert self.services is not None
        for step in steps:
            held = run_link(self.services, self._node, LIMITS, build.id, step, self.work[step], token)
            if held is None:
                return
            token = held.token


@dataclass
class Said:
    """What one command did."""

    code: int
    out: str
    err: str


@dataclass
class House:
    """The farm, and the short words of these tests."""

    folder: Path
    services: Services
    worker: OneWorker
    functions: FakeLambda
    logs: FakeLogs
    token: str
    url: str = ""

    @cached_property
    def client(self) -> Client:
        return Client(self.url, self.token)

    def laambda(self, *args: str, **environ: str) -> Said:
        """Run a command line in this process, as a terminal's user does."""
        given = {"LAAMBDA_API_URL": self.url, "LAAMBDA_TOKEN": self.token, "HOME": str(self.folder), **environ}
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(args, given)
        return Said(code, out.getvalue(), err.getvalue())

    def app(self, name: str = "api") -> None:
        self.client.create_app(name, ROLE)

    def push(self, sha256: str = "c2hhMQ==", processes: Sequence[str] = ("create", "resize")) -> Build:
        """Push, and wait for the end, whatever it is."""
        self.worker.work |= {step: work for step, work in built(processes, sha256).items() if step not in LAST}
        new = NewBuild(
            API, BuildKind.PUSH, "jim", "Deploy abc1234", commit="a" * 40, source="sources/x.tar", detached=True
        )
        build = enqueue(self.services, new, LIMITS)
        list(self.client.output(build.id))
        return build

    def fail_next_deploy(self, message: str) -> None:
        """The next deploy's link raises BuildFailed, then deploys work again."""

        def refuse(_: LinkContext) -> Mapping[str, Any]:
            self.worker.work[Step.DEPLOY] = deploy
            raise BuildFailed(message)

        self.worker.work[Step.DEPLOY] = refuse


LAST = steps_of(BuildKind.CONFIG)


@contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """The rows of ``folder``/rows.db, the API on a free port of loopback."""
    database = open_database(f"sqlite:///{folder / 'rows.db'}")
    functions, logs, worker = FakeLambda(), FakeLogs(), OneWorker(folder)
    objects = FakeObjects(folder / "objects")
    cloud = TargetCloud(functions, FakeAliases(functions), FakeInvoker(functions, logs), logs, objects)
    services = Services(database, objects, KeyFileVault(folder / "secrets.key"), worker, FakeOutput(), lambda _: cloud)
    worker.services = services
    token = create_token(services, user="jim", label="tests", actor="jim")
    house = House(folder, services, worker, functions, logs, token)
    with served(Farm(services, LIMITS, "ssh://git@127.0.0.1:2222")) as house.url:
        yield house
        house.client.close()


@contextmanager
def served(farm: Farm) -> Iterator[str]:
    """Serve the API from a thread; gives its address."""
    config = uvicorn.Config(make_app(farm), port=0, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = Announcing(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.up.wait(20)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)


class Announcing(uvicorn.Server):
    """Sets an event when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        self.up.set()
