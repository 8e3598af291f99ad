"""``laambda doctor``: what this machine has, what it lacks, and how to get it.

Two lists: what a developer needs to push, and what a farm needs that runs here with ``laambda up``. Only a missing part
that the list can't do without makes the exit code 1.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from laambda.cli.session import Session
from laambda.errors import LaambdaError, UserError
from laambda.settings import Settings, load

GIT_NEEDED = (2, 29)
"""The receiver's git: proc-receive hooks, https://git-scm.com/docs/githooks#proc-receive"""


@dataclass(frozen=True)
class Finding:
    """What a check saw. ``remedy`` is empty where all is well; ``needed``: nothing works without it."""

    what: str
    remedy: str = ""
    needed: bool = True

    @property
    def fails(self) -> bool:
        return bool(self.remedy) and self.needed


@click.command()
@click.pass_obj
def doctor(session: Session) -> int:
    """Say what this machine lacks, and how to get it; exit code 1 where something is needed."""
    settings = load(session.environ)
    fails = _tell("To push and to use this command line", _developer(session))
    fails |= _tell("To run a farm here (laambda up)", _farm(settings))
    return 1 if fails else 0


def _developer(session: Session) -> Iterator[Finding]:
    yield _program("git", ("git", "--version"), "apt-get install git")
    yield _program("ssh", ("ssh", "-V"), "apt-get install openssh-client")
    yield _key(Path(session.environ.get("HOME") or Path.home()) / ".ssh")
    yield _api(session)


def _farm(settings: Settings) -> Iterator[Finding]:
    yield Finding(f"Python {sys.version.split()[0]}")
    yield _git_of_receiver()
    yield _package("uv", "resolves Python dependencies", "pip install uv")
    yield _broker(settings)
    yield _cloud(settings)
    yield _database(settings)
    yield from _ports(settings)
    yield _interpreters()


def _program(name: str, argv: Sequence[str], remedy: str) -> Finding:
    said = _first_line(argv)
    return Finding(said) if said else Finding(f"{name} is not installed", remedy)


def _key(folder: Path) -> Finding:
    keys = sorted(folder.glob("id_*.pub"))
    if keys:
        return Finding(f"SSH key {keys[0]}")
    return Finding(f"no SSH key in {folder}", "ssh-keygen -t ed25519, then laambda keys:add", needed=False)


def _api(session: Session) -> Finding:
    try:
        count = len(session.client.apps())
    except LaambdaError as error:
        return Finding(error.message, error.hint or "laambda up", needed=False)
    return Finding(f"the API answers and knows your token ({count} app{'' if count == 1 else 's'})")


def _git_of_receiver() -> Finding:
    said = _first_line(("git", "--version"))
    found = re.search(r"(\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) >= GIT_NEEDED:
        return Finding(f"{said}, new enough for the receiver")
    return Finding(f"{said or 'no git'}: the receiver needs 2.29 or newer", "apt-get install git")


def _package(name: str, purpose: str, remedy: str) -> Finding:
    try:
        return Finding(f"{name} {importlib.metadata.version(name)}, which {purpose}")
    except importlib.metadata.PackageNotFoundError:
        return Finding(f"{name} is not installed; it {purpose}", remedy)


def _broker(settings: Settings) -> Finding:
    if settings.broker_url:
        return Finding("a broker is configured (LAAMBDA_BROKER_URL)")
    from laambda.cli.embedded import broker_program

    return _found("broker", broker_program)


def _cloud(settings: Settings) -> Finding:
    if settings.cloud != "local":
        return Finding("the farm uses AWS (LAAMBDA_CLOUD=aws)")
    return _package("moto", "the local cloud stands on", "pip install 'laambda[local]', or set LAAMBDA_CLOUD=aws")


def _database(settings: Settings) -> Finding:
    if settings.database_url.startswith("postgresql"):
        return _package("psycopg", "reaches PostgreSQL", "pip install 'laambda[postgres]'")
    place = settings.home if settings.home.exists() else settings.home.parent
    if os.access(_existing(place), os.W_OK):
        return Finding(f"{settings.home} can be written")
    return Finding(f"{settings.home} can't be written", "Set LAAMBDA_HOME to a folder of yours")


def _ports(settings: Settings) -> Iterator[Finding]:
    named = {"SSH": settings.ssh_port, "API": settings.api_port, "FLOWER": settings.flower_port}
    if settings.cloud == "local":
        named["CLOUD"] = settings.cloud_port
    taken = {name: port for name, port in named.items() if not _is_free(settings.host, port)}
    if not taken:
        yield Finding("ports " + ", ".join(str(port) for port in named.values()) + " are free")
    for name, port in taken.items():
        remedy = f"Set LAAMBDA_{name}_PORT, unless that is your farm"
        yield Finding(f"port {port} is in use", remedy, needed=False)


def _interpreters() -> Finding:
    found = [f"python3.{minor}" for minor in range(10, 15) if _runs(f"python3.{minor}")]
    node = _first_line(("node", "--version"))
    if node:
        found.append(f"nodejs{node.removeprefix('v').split('.')[0]}.x")
    return Finding(f"the local cloud can run {', '.join(found)} and provided.* functions")


def _runs(program: str) -> bool:
    """Whether it is there and starts: version managers leave names on PATH that do not."""
    own = f"python3.{sys.version_info.minor}" == program
    return own or bool(shutil.which(program) and _first_line((program, "--version")))


def _found(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(f"{name}: {find()}")
    except UserError as error:
        return Finding(error.message, error.hint)


def _first_line(argv: Sequence[str]) -> str:
    """What a program says of itself, on either stream; empty where it does not run."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0] if lines and done.returncode == 0 else ""


def _is_free(host: str, port: int) -> bool:
    try:
        socket.create_server((host, port)).close()
    except OSError:
        return False
    return True


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def _tell(title: str, findings: Iterator[Finding]) -> bool:
    """Print a list; True where something that is needed is missing."""
    click.echo(f"=== {title}")
    fails = False
    for finding in findings:
        mark = click.style(" !   ", fg="red" if finding.fails else "yellow") if finding.remedy else " ok  "
        click.echo(f"{mark} {finding.what}")
        if finding.remedy:
            click.echo(f"       {finding.remedy}")
        fails |= finding.fails
    click.echo()
    return fails
