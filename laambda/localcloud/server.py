"""Starts the local cloud: moto for S3, IAM, KMS, STS and CloudWatch Logs, our own Lambda, one port, one process."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from laambda.errors import Conflict, LaambdaError
from laambda.localcloud import determinism
from laambda.localcloud.access import Access
from laambda.localcloud.aliases import Aliases
from laambda.localcloud.blobs import Blobs
from laambda.localcloud.control import Control
from laambda.localcloud.emulated import ACCOUNT, Emulated, read_object
from laambda.localcloud.exchange import Answer, Request, answer_refusal
from laambda.localcloud.interpreters import Interpreters
from laambda.localcloud.invoke import Invoker
from laambda.localcloud.journal import Journal
from laambda.localcloud.listener import Listener
from laambda.localcloud.memory import Memory
from laambda.localcloud.packages import Packages
from laambda.localcloud.pool import Pool
from laambda.localcloud.refusal import RefusedError
from laambda.localcloud.registry import Registry
from laambda.localcloud.routes import LambdaApi

SETTLE_MILLISECONDS = 5
CODE_PATH = "/_localcloud/code/"


@dataclass(frozen=True)
class LocalCloud:
    """A started local cloud, serving in threads of this process until ``close``."""

    listener: Listener
    pool: Pool
    journal: Journal

    @property
    def url(self) -> str:
        """What AWS_ENDPOINT_URL is set to."""
        return self.listener.url

    def close(self) -> None:
        """Stop serving and end every function process."""
        self.pool.close()
        self.listener.close()
        self.journal.close()


def serve(home: Path, *, port: int = 0, settle: float = SETTLE_MILLISECONDS / 1000, access_key: str = "") -> LocalCloud:
    """Start a local cloud whose state lives in ``home``; ``port`` 0 takes a free one.

    ``settle`` is how many seconds a function stays Pending or InProgress. With ``access_key`` only requests signed
    with that key id are answered, and those of functions: loopback is open to every user of the machine.

    Raises Conflict when port or folder is in use, JournalDamagedError or JournalForeignError when the state can't be
    read.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    journal = Journal(home)
    listener = _listen(port)
    shutil.rmtree(home / "scratch", ignore_errors=True)
    blobs = Blobs(home / "blobs")
    emulated = Emulated(listener.server_port)
    determinism.install()
    packages = Packages(blobs, home / "functions", read_object)
    memory = Memory(journal, emulated, blobs)
    registry = Registry(ACCOUNT, settle, time.time, lambda: str(uuid.uuid4()), memory.record)
    memory.replay(registry)
    memory.compact(registry, packages)
    pool = Pool(time.monotonic)
    invoker = Invoker(
        packages=packages,
        interpreters=Interpreters(home / "runtime", os.get_exec_path()),
        pool=pool,
        write_log=memory.write_log,
        new_id=lambda: str(uuid.uuid4()),
        endpoint=lambda: listener.url,
        access_key=(functions_key := f"AKIA{secrets.token_hex(8).upper()}"),
        scratch=home / "scratch",
    )
    control = Control(registry, packages)
    functions = LambdaApi(
        registry,
        control,
        Aliases(registry),
        Access(registry),
        invoker,
        lambda digest: f"{listener.url}{CODE_PATH}{digest}",
    )

    def answer(request: Request) -> Answer:
        if request.path.startswith(CODE_PATH):
            return _code(blobs, request.path.removeprefix(CODE_PATH))
        if access_key and not _is_one_of(request.access_key, (access_key, functions_key)):
            return answer_refusal(
                RefusedError("UnrecognizedClientException", "The security token included in the request is invalid.")
            )
        _, service = request.scope()
        return functions.answer(request) if service == "lambda" else memory.answer(request)

    listener.answer = answer
    listener.start()
    threading.Thread(target=emulated.warm, name="warm", daemon=True).start()
    return LocalCloud(listener, pool, journal)


def _is_one_of(given: str, known: Sequence[str]) -> bool:
    return any(secrets.compare_digest(given.encode(), key.encode()) for key in known)


def _listen(port: int) -> Listener:
    try:
        return Listener(port)
    except OSError as error:
        raise Conflict(f"port {port} is taken", hint="choose another with --port or LAAMBDA_CLOUD_PORT") from error


def _code(blobs: Blobs, digest: str) -> Answer:
    """The package behind GetFunction's Code.Location."""
    if len(digest) != 64 or not digest.isalnum() or not blobs.path(digest).exists():
        return Answer(404)
    return Answer(200, blobs.get(digest), (("Content-Type", "application/zip"),))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; prints one line when ready."""
    parser = argparse.ArgumentParser(
        prog="python -m laambda.localcloud", description="AWS on this machine, for laambda"
    )
    parser.add_argument("--port", type=int, default=4566, help="0 takes a free port (default: 4566)")
    parser.add_argument("--home", type=Path, required=True, help="folder that keeps the state")
    parser.add_argument(
        "--settle",
        type=int,
        default=SETTLE_MILLISECONDS,
        metavar="MS",
        help="how long functions stay Pending or InProgress (default: %(default)s; AWS takes about 2000)",
    )
    parser.add_argument(
        "--private", action="store_true", help="answer only who signs with this process's own AWS_ACCESS_KEY_ID"
    )
    chosen = parser.parse_args(arguments)
    access_key = os.environ["AWS_ACCESS_KEY_ID"] if chosen.private else ""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        cloud = serve(chosen.home.absolute(), port=chosen.port, settle=chosen.settle / 1000, access_key=access_key)
    except LaambdaError as error:
        sys.stderr.write(f" !     {error}\n")
        return error.exit_code
    sys.stdout.write(f"local cloud listening on {cloud.url}\n")
    sys.stdout.flush()
    stop.wait()
    cloud.close()
    os._exit(0)  # requests still being answered must not hold the process
