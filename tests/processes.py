"""Looking at processes through /proc: who is there, who belongs to a farm, who is gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def wait_gone(pids: Iterable[int], timeout: float) -> list[int]:
    """The processes that still run after ``timeout`` seconds; returns as soon as there is none."""
    left = list(pids)
    deadline = time.monotonic() + timeout
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if alive(pid)]
    return left


def with_environment(entry: str) -> list[int]:
    """Every process that was started with ``NAME=value`` in its environment."""
    return [pid for pid in _pids() if entry.encode() in _read(pid, "environ").split(b"\0") and alive(pid)]


def descendants(root: int) -> list[int]:
    """The process's children, their children, and so on; parents come first."""
    by_parent = _by_parent()
    found = list(by_parent.get(root, []))
    for pid in found:
        found += by_parent.get(pid, [])
    return found


def children(parent: int) -> list[int]:
    """The processes that ``parent`` started."""
    return _by_parent().get(parent, [])


def command(pid: int) -> str:
    """Its argument list, separated by spaces; empty where it is gone."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace").strip()


def environment(pid: int) -> dict[str, str]:
    """What a process was started with."""
    entries = _read(pid, "environ").decode(errors="replace").split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def wait_for(found: Callable[[], Found | None], what: str, timeout: float = 30) -> Found:
    """Ask until the answer is neither None nor False; fails naming ``what`` was waited for."""
    deadline = time.monotonic() + timeout
    while True:
        answer = found()
        if answer is not None and answer is not False:
            return answer
        assert time.monotonic() < deadline, f"{what}: not within {timeout:.0f} s"
        time.sleep(0.05)


def _by_parent() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid in _pids():
        fields = _read(pid, "stat").rpartition(b")")[2].split()
        if fields:
            found.setdefault(int(fields[1]), []).append(pid)
    return found


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
