"""Settings: frozen, read once per process from the environment, else from ``$LAAMBDA_HOME/laambda.env``.

Every setting is ``LAAMBDA_<NAME>``. The process environment wins over the file. Nothing else in laambda reads
the environment for its own configuration.
"""

from __future__ import annotations

import math
import os
import socket
import tempfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from laambda.errors import InvalidInput

NOT_OURS = frozenset({"LAAMBDA_API_URL", "LAAMBDA_APP", "LAAMBDA_TOKEN"})
"""Variables of the command line, no settings."""

_PORT = (0, 65_535)
_MOMENT = (0.1, 31_536_000.0)
_RANGES: Mapping[str, tuple[float, float]] = {
    "ssh_port": _PORT,
    "api_port": _PORT,
    "flower_port": _PORT,
    "cloud_port": _PORT,
    "cloud_settle": (0, 600_000),
    "concurrency": (1, 1000),
    "slots": (0, 100_000),
    "lease": _MOMENT,
    "attempts": (1, 1000),
    "build_limit": _MOMENT,
    "push_wait": _MOMENT,
    "resend": _MOMENT,
    "lock_age": (0, math.inf),
    "rollback_window": (1, 100_000),
}
"""The least and the most that make sense, of every number."""


@dataclass(frozen=True)
class Settings:
    """All of them, with their defaults; times in seconds."""

    home: Path
    """Where laambda keeps state: ``$XDG_DATA_HOME/laambda``."""
    run_dir: Path
    """Unix sockets (107-byte limit): ``$XDG_RUNTIME_DIR/laambda``, else a 0700 temporary folder."""
    database_url: str = ""
    """SQLAlchemy URL; empty: SQLite in ``home``. PostgreSQL: ``postgresql+psycopg://...``."""
    broker_url: str = ""
    """Redis or Valkey for Celery and build output; empty: the embedded one's socket in ``run_dir``."""
    host: str = "127.0.0.1"
    """Address that receiver, API and Flower listen on."""
    ssh_port: int = 2222
    api_port: int = 8080
    flower_port: int = 5555
    cloud_port: int = 4566
    """Port of the local cloud, where ``laambda up`` runs one."""
    cloud_settle: int = 5
    """Milliseconds that the local cloud takes to create or update a function; AWS takes seconds."""
    public_host: str = "127.0.0.1"
    """The name under which developers reach the receiver, for git remotes."""
    cloud: str = "local"
    """What ``laambda up`` stands on: ``local`` runs the embedded cloud, ``aws`` uses the account of boto3's own
    configuration. Nothing else reads it."""
    bucket: str = "laambda-artifacts"
    """Artifact bucket; ``-REGION`` is appended outside us-east-1."""
    kms_key: str = ""
    """KMS key id or ARN that wraps data keys; empty: the key file ``home/secrets.key``."""
    node: str = ""
    """This worker node's name, stable across restarts; empty: the host's name."""
    concurrency: int = 2
    """Builds that one worker node runs at once; it keeps one process more, so that a rollback never waits for them."""
    slots: int = 0
    """Builds in flight at most in the whole farm; 0: ``concurrency``, for a farm of one node."""
    lease: float = 30.0
    attempts: int = 3
    build_limit: float = 900.0
    push_wait: float = 1800.0
    """How long a push waits for its turn before it is rejected and cancelled."""
    resend: float = 15.0
    """How long a sent build may stay unclaimed before it is sent again."""
    lock_age: float = 86_400.0
    """How long a lock made from unpinned requirements is used."""
    rollback_window: int = 20
    """Releases that a rollback can reach."""
    default_runtime: str = "python3.13"
    failure_webhook: str = field(default="", repr=False)
    """Where a build that failed is told of, as a JSON document whose ``text`` Slack shows: an https URL, a secret."""

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'laambda.db'}"

    @property
    def broker(self) -> str:
        return self.broker_url or f"redis+socket://{self.run_dir / 'broker.sock'}"

    @property
    def cache(self) -> Path:
        """Wheels, locks, slabs: may be deleted at any time."""
        return self.home / "cache"

    @property
    def workspaces(self) -> Path:
        """One folder a build on this node."""
        return self.home / "workspaces"

    @property
    def repositories(self) -> Path:
        """Bare repositories: caches of rows and stored packs."""
        return self.home / "repositories"

    @property
    def node_name(self) -> str:
        return self.node or socket.gethostname()

    @property
    def api_url(self) -> str:
        return f"http://{self.host}:{self.api_port}"


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises InvalidInput naming the variable that is wrong."""
    home = Path(environ.get("LAAMBDA_HOME") or _data_home(environ) / "laambda").absolute()
    values = {**_file(home / "laambda.env"), **environ}
    given: dict[str, object] = {"home": home, "run_dir": _run_dir(values, home)}
    for each in fields(Settings):
        text = values.get(f"LAAMBDA_{each.name.upper()}", "")
        if text and each.name not in given:
            given[each.name] = _typed(each.name, str(each.type), text)
    return Settings(**given)  # type: ignore[arg-type]


def unknown(environ: Mapping[str, str]) -> Sequence[str]:
    """Variables named like settings that are none, in the environment or the file: misspelt, most likely."""
    home = Path(environ.get("LAAMBDA_HOME") or _data_home(environ) / "laambda")
    known = NOT_OURS | {f"LAAMBDA_{each.name.upper()}" for each in fields(Settings)}
    given = {**_file(home / "laambda.env"), **environ}
    return sorted(name for name in given if name.startswith("LAAMBDA_") and name not in known)


def _typed(name: str, kind: str, text: str) -> object:
    if kind == "str":
        return text
    try:
        number = int(text) if kind == "int" else float(text)
    except ValueError:
        raise InvalidInput(f"LAAMBDA_{name.upper()}={text!r} is not a number") from None
    least, most = _RANGES[name]
    if not least <= number <= most:
        raise InvalidInput(f"LAAMBDA_{name.upper()}={text!r} is not from {least:g} to {most:.15g}")
    return number


def _data_home(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("XDG_DATA_HOME") or Path(environ.get("HOME") or Path.home()) / ".local" / "share")


def _run_dir(environ: Mapping[str, str], home: Path) -> Path:
    """A short folder of our own for sockets; one per home, so that two farms don't meet."""
    if given := environ.get("LAAMBDA_RUN_DIR"):
        return Path(given)
    mark = f"{zlib.crc32(str(home).encode()):08x}"
    runtime = environ.get("XDG_RUNTIME_DIR")
    base = Path(runtime) if runtime else Path(tempfile.gettempdir())
    return base / (f"laambda-{mark}" if runtime else f"laambda-{os.getuid()}-{mark}")


def _file(path: Path) -> dict[str, str]:
    """``NAME=value`` lines; blank lines and ``#`` comments are skipped."""
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if line.strip() and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
