"""ministack, an independent emulator of AWS, as a peer of the local cloud: a rule that both keep is rarely a mistake.

It pins its own botocore, so it gets a virtual environment of its own, from hash-pinned requirements, kept between runs
outside the checkout. It listens on the loopback interface only and is killed with all that it started, by the kernel
when this process is.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from laambda.lifeline import die_with_parent
from tests.cloud_fixture import CREDENTIALS, RunningCloud

REQUIREMENTS = Path(__file__).parent.parent / "requirements" / "ministack.txt"
UNREACHABLE = ("error sending request", "Failed to fetch", "Failed to download", "dns error", "operation timed out")
"""What uv says when there is no index; anything else that goes wrong is a failure."""


@contextmanager
def running_ministack(folder: Path) -> Iterator[RunningCloud]:
    """Run ministack with its state in ``folder``; skips the test where it can't be installed for want of an index."""
    python = installed(cache_folder(os.environ))
    port = free_port()
    environment = {
        **CREDENTIALS,
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "STATE_DIR": str(folder / "state"),
        "BIND_HOST": "127.0.0.1",  # its default is every interface
        "GATEWAY_PORT": str(port),
        "LAMBDA_EXECUTOR": "local",
        "LOG_LEVEL": "WARNING",
    }
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(python), "-m", "ministack"],
            env=environment,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - async-signal-safe
        )
    try:
        cloud = RunningCloud(f"http://127.0.0.1:{port}", process)
        wait_healthy(cloud, log)
        yield cloud
        cloud.close()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the virtual environment is kept: named for what is in it, so that a new lock makes a new one."""
    base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    mark = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode() + sys.base_prefix.encode()).hexdigest()[:12]
    return base / "laambda-tests" / f"ministack-{mark}"


def installed(place: Path) -> Path:
    """The interpreter of the virtual environment in ``place``, made by whichever test process comes first."""
    place.parent.mkdir(parents=True, exist_ok=True)
    python, complete = place / "bin" / "python", place / "complete"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            _uv("venv", "--clear", "--python", sys.executable, str(place))
            _uv("pip", "install", "--python", str(python), "--require-hashes", "-r", str(REQUIREMENTS))
            complete.touch()
    return python


def _uv(*arguments: str) -> None:
    environment = {"UV_SYSTEM_CERTS": "1", "UV_HTTP_TIMEOUT": "20", "UV_HTTP_RETRIES": "1", **os.environ}
    command = [sys.executable, "-m", "uv", *arguments, "--quiet"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode == 0:
        return
    if any(sign in done.stderr for sign in UNREACHABLE):
        pytest.skip("needs ministack, and no package index answers")
    raise RuntimeError(f"{' '.join(command)}: {done.stderr}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_healthy(cloud: RunningCloud, log: Path) -> None:
    """Wait until it answers. Raises RuntimeError with its log when it ends or stays silent."""
    deadline = time.monotonic() + 30
    while cloud.process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{cloud.url}/_ministack/health", timeout=5):
            return
        time.sleep(0.05)
    raise RuntimeError(f"ministack did not start: {log.read_text()}")
