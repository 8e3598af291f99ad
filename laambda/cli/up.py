"""``laambda up``: the whole farm on this machine, in the foreground.

The Procfile names the farm's processes; ``up`` adds a broker and the local cloud where none are configured, makes the
admin's token and first key, waits until everything answers, and prints the addresses.
"""

from __future__ import annotations

import base64
import fcntl
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

import laambda
from laambda import bootstrap
from laambda.access.keys import add_key, fingerprint_of
from laambda.access.tokens import authenticate, create_token
from laambda.cli import embedded
from laambda.cli.credentials import store_token, stored_token
from laambda.cli.render import warn
from laambda.cli.supervisor import Supervisor, read_procfile
from laambda.errors import Conflict, UserError
from laambda.ports import Services
from laambda.settings import Settings, load, unknown

ADMIN = "admin"
HOST_KEY = "host_ed25519"
"""In the home; the receiver makes it when it first starts."""
_READY_TIMEOUT = 60.0
_SLOW_TO_SAY = ("flower",)
"""Processes that nothing waits for: a push works without them."""
_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow")


@click.command()
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Public key that may push.")
@click.option("--procfile", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Processes to run.")
@click.option("--quiet", is_flag=True, help="Print addresses and trouble only.")
def up(key: Path | None, procfile: Path | None, quiet: bool) -> None:
    """Run the whole farm on this machine until Ctrl-C."""
    settings = load(os.environ)
    if names := unknown(os.environ):
        warn(f"no setting of laambda: {', '.join(names)}. They are listed in docs/operating.md")
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _only_one(settings):
        run(settings, key=key, procfile=procfile or _own_procfile(), quiet=quiet)


def run(settings: Settings, *, key: Path | None, procfile: Path, quiet: bool) -> None:
    """Run until SIGINT or SIGTERM; PlatformError where a part does not start."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", **_given(settings)}
    if settings.cloud == "local":
        environment |= embedded.cloud_environment(settings)
    supervisor = Supervisor(environment, _Printer(quiet=quiet), procfile.parent)
    try:
        started = [] if settings.broker_url else [supervisor.start(embedded.broker(settings), foundation=True)]
        if settings.cloud == "local":
            started.append(supervisor.start(embedded.local_cloud(settings), foundation=True))
        first = introduce(bootstrap.services(settings), settings, key)
        started += [supervisor.start(process) for process in read_procfile(procfile)]
        named = [child.process.name for child in started if child.process.name not in _SLOW_TO_SAY]
        supervisor.wait_ready(named, _READY_TIMEOUT)
        click.echo(_addresses(settings, first, host_fingerprint(settings.home / HOST_KEY)))
        supervisor.watch(stop)
    finally:
        supervisor.stop()


def introduce(services: Services, settings: Settings, key: Path | None) -> str:
    """Make the admin token and add the first key, once; says how the key got in."""
    token = stored_token(settings.api_url)
    if token is None or authenticate(services, token) is None:
        store_token(settings.api_url, create_token(services, user=ADMIN, label="laambda up", actor=ADMIN))
    if key is not None:
        return _added(services, key)
    for path in _public_keys():
        try:
            return _added(services, path)
        except UserError:
            continue
    return "no key yet: laambda keys:add FILE.pub"


def _added(services: Services, path: Path) -> str:
    """Raises UserError for a key that may not push."""
    try:
        add_key(services, path.read_text(), user=ADMIN, actor=ADMIN)
    except Conflict:
        return f"{path} may push"
    return f"{path} was added and may push"


def _public_keys() -> list[Path]:
    """The public keys of ``~/.ssh``; certificates are none."""
    found = sorted((Path.home() / ".ssh").glob("id_*.pub"))
    return [path for path in found if not path.name.endswith("-cert.pub")]


def host_fingerprint(path: Path) -> str:
    """``SHA256:...`` of the host key at ``path``, as ssh asks whether to trust it; empty where no receiver made one."""
    if not path.exists():
        return ""
    public = load_ssh_private_key(path.read_bytes(), None).public_key()
    text = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return fingerprint_of(base64.b64decode(text.split()[1]))


def _addresses(settings: Settings, first_key: str, host_key: str) -> str:
    return "\n".join(
        (
            "",
            "-----> laambda is up",
            f"       git remote  ssh://git@{settings.public_host}:{settings.ssh_port}/APP.git",
            f"       API         {settings.api_url}",
            f"       Flower      http://{settings.host}:{settings.flower_port}",
            f"       SSH key     {first_key}",
            *([f"       Host key    {host_key}"] if host_key else []),
            "",
            "       laambda apps:create NAME --role ARN     then: git push laambda main",
            "       Ctrl-C stops the farm.",
            "",
        )
    )


def _given(settings: Settings) -> Mapping[str, str]:
    """The places that children must agree on, whatever their own defaults would be."""
    return {"LAAMBDA_HOME": str(settings.home), "LAAMBDA_RUN_DIR": str(settings.run_dir)}


def _own_procfile() -> Path:
    path = Path(laambda.__file__).parent.parent / "Procfile"
    if not path.exists():
        raise UserError("no Procfile beside the installed package", hint="laambda up --procfile FILE")
    return path


@contextmanager
def _only_one(settings: Settings) -> Iterator[None]:
    """Two farms in one home would share a database and fight over sockets."""
    with (settings.home / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"a farm runs in {settings.home} already", hint="Stop it, or set LAAMBDA_HOME") from None
        yield


class _Printer:
    """Prefixes each line with the process that wrote it."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._names: list[str] = []
        self._lock = threading.Lock()

    def __call__(self, name: str, line: str) -> None:
        with self._lock:
            if name not in self._names:
                self._names.append(name)
            if self._quiet and not is_trouble(name, line):
                return
            colour = _COLOURS[self._names.index(name) % len(_COLOURS)]
            click.echo(f"{click.style(f'{name:>9} |', fg=colour)} {line}", file=sys.stderr)


def is_trouble(name: str, line: str) -> bool:
    """Whether a line of the process ``name`` is for whoever wants to see trouble only, such as why it can't start."""
    if line.startswith((" !     ", f"{name}: ", "ERROR")):
        return True
    return any(word in line for word in ("Traceback", "Error", "CRITICAL", "ended with code"))
