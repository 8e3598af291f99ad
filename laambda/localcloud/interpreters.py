"""Which program runs a function of a given runtime on this machine.

A function must see the interpreter of its minor version, the runtime client and AWS's SDK as on Lambda, and nothing
of laambda's own environment. So Python runs without site-packages (``-S``) over a folder that holds just those.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
SDK = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
"""https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-dependencies says that the runtime
includes the SDK."""

CHILD = Path(__file__).with_name("child.py")
NODE_BOOTSTRAP = Path(__file__).with_name("bootstrap.mjs")


class NoInterpreterError(Exception):
    """This machine has nothing that runs the runtime; the message names what would."""


@dataclass(frozen=True)
class Launch:
    """``command`` as ``child.py`` takes it, started by ``starter``; ``runtime`` is LAMBDA_RUNTIME_DIR."""

    starter: str
    command: tuple[str, ...]
    runtime: Path


@dataclass(frozen=True)
class Interpreters:
    """Looks in ``search`` (the folders of PATH); prepares runtime folders under ``folder``."""

    folder: Path
    search: Sequence[str]
    _known: dict[str, Launch] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def launch(self, runtime: str, task: Path) -> Launch:
        """How to start a function of ``runtime`` whose files are in ``task``. Raises NoInterpreterError."""
        if runtime.startswith("provided"):
            return self._provided(runtime, task)
        with self._lock:
            if runtime not in self._known:
                self._known[runtime] = self._find(runtime)
            return self._known[runtime]

    def _find(self, runtime: str) -> Launch:
        if match := re.fullmatch(r"python(3\.\d+)", runtime):
            interpreter = self._python(match[1])
            if interpreter is None:
                raise _nothing(runtime, f"python{match[1]} on PATH")
            return Launch(interpreter, ("python",), self._client(match[1], interpreter))
        if match := re.fullmatch(r"nodejs(\d+)\.x", runtime):
            node = shutil.which("node", path=os.pathsep.join(self.search))
            if node is None or _say([node, "--version"]).partition(".")[0] != f"v{match[1]}":
                raise _nothing(runtime, f"node {match[1]} on PATH")
            return Launch(_own_python(), (node, str(NODE_BOOTSTRAP)), self.folder)
        raise _nothing(runtime, "a bootstrap in the package and the runtime provided.al2023")

    def _provided(self, runtime: str, task: Path) -> Launch:
        """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html"""
        bootstrap = task / "bootstrap"
        if not os.access(bootstrap, os.X_OK):
            raise NoInterpreterError(
                f"Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap] for {runtime}"
            )
        return Launch(_own_python(), (str(bootstrap),), self.folder)

    def _python(self, minor: str) -> str | None:
        """The program of that minor version: this one's base, else the first on PATH that really is one."""
        if minor == _own_minor():
            return _own_python()
        question = "import sys; print('%d.%d' % sys.version_info[:2])"
        for folder in self.search:
            candidate = str(Path(folder) / f"python{minor}")
            if os.access(candidate, os.X_OK) and _say([candidate, "-I", "-S", "-c", question]) == minor:
                return candidate
        return None

    def _client(self, minor: str, interpreter: str) -> Path:
        """The folder with the runtime client for that minor version, made at first need."""
        client = metadata.version("awslambdaric")
        place = hashlib.sha256(sys.prefix.encode()).hexdigest()[:8]  # the SDK is linked from there
        target = self.folder / f"python{minor}-{client}-{metadata.version('boto3')}-{place}"
        if target.exists():
            return target
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            fresh = Path(scratch) / "client"
            if minor == _own_minor():
                _copy(CLIENT, fresh)
            else:
                _install(f"awslambdaric=={client}", interpreter, fresh)
            _link(SDK, fresh)
            fresh.rename(target)
        return target


def _own_minor() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _own_python() -> str:
    """The interpreter that this virtual environment was made from."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _nothing(runtime: str, needed: str) -> NoInterpreterError:
    """Names AWS's own image too: the local cloud starts no containers, but ``docker run`` does.

    https://docs.aws.amazon.com/lambda/latest/dg/runtimes-images.html
    """
    image = re.sub(r"(?<=[a-z])(?=\d)", ":", runtime.removesuffix(".x"), count=1)
    return NoInterpreterError(
        f"This machine can't run {runtime}: the local cloud needs {needed}. "
        f"AWS's image for it is public.ecr.aws/lambda/{image}, which the local cloud does not start"
    )


def _say(command: list[str]) -> str:
    """What a program prints, or nothing when it doesn't run (a pyenv shim without its version, for one)."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _copy(distributions: Iterable[str], target: Path) -> None:
    for name in distributions:
        for file in metadata.files(name) or ():
            source = Path(str(file.locate()))
            if ".." in file.parts or source.suffix == ".pyc" or not source.exists():
                continue
            copy = target / file
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)


def _link(distributions: Iterable[str], target: Path) -> None:
    for name in distributions:
        for top in {file.parts[0] for file in metadata.files(name) or () if ".." not in file.parts}:
            if not (target / top).exists() and top != "__pycache__":
                (target / top).symlink_to(Path(str(metadata.distribution(name).locate_file(top))))


def _install(requirement: str, interpreter: str, target: Path) -> None:
    """Fetch the client for another minor version, whose compiled part differs."""
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-config", "--only-binary", ":all:"]
    place = ["--python", interpreter, "--target", str(target), requirement]
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1"}  # a private certificate authority is a known one
    try:
        subprocess.run([*command, *place], check=True, capture_output=True, timeout=60, env=environment)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoInterpreterError(
            f"{interpreter} is on this machine, but its runtime client {requirement} can't be installed"
        ) from error
