"""What this machine can do at best, for comparison, and what memory the farm takes from it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

from benchmarks.report import line, timed, times
from laambda.settings import load
from tests.farm import Farm
from tests.processes import children, command

_NAMES = ("receiver", "api", "worker", "scheduler", "flower", "broker", "cloud")


def describe() -> None:
    """Processor and load, without which no number means anything."""
    line("processors", str(os.cpu_count()))
    line("load, 1 and 5 minutes", "{:.1f} {:.1f}".format(*os.getloadavg()))
    line("Python", sys.version.split()[0])
    line("local cloud", f"functions settle in {load(os.environ).cloud_settle} ms; AWS takes seconds")


def floor(farm: Farm, folder: Path, count: int) -> None:
    """The parts of a push that nobody can leave out."""
    times("git push to a local bare repository", _local_pushes(farm, folder, count))
    times(
        "git ls-remote from the farm (SSH)",
        [timed(lambda: farm.run("git", "ls-remote", farm.git_url("small"))) for _ in range(count)],
    )
    times("SQLite commit, synchronous=FULL", _commits(folder / "rows.db", count * 4))
    times("copy of 10 MB", _copies(folder, count))
    python = [sys.executable, "-I", "-S", "-c", "pass"]
    times("start of a bare Python", [timed(lambda: subprocess.run(python, check=True)) for _ in range(count)])


def memory(farm: Farm) -> None:
    """Proportional set size of each process, children listed apart. https://docs.kernel.org/filesystems/proc.html"""
    assert farm.process is not None
    total = pss(farm.process.pid)
    line("laambda up", f"{total:6.1f} MB")
    for name in _NAMES:
        pid = farm.pid(name)
        own, below = pss(pid), [(child, pss(child)) for child in children(pid)]
        total += own + sum(size for _, size in below)
        names = Counter(_short(child) for child, _ in below)
        parts = ", ".join(f"{many} {short}" for short, many in names.items())
        line(name, f"{own:6.1f} MB" + (f"   + {sum(size for _, size in below):6.1f} MB in {parts}" if parts else ""))
    line("all of it", f"{total:6.1f} MB")


def pss(pid: int) -> float:
    """Megabytes."""
    for row in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if row.startswith("Pss:"):
            return int(row.split()[1]) / 1024
    return 0.0


def _short(pid: int) -> str:
    words = command(pid).split()
    return Path(words[0]).name if words else "?"


def _local_pushes(farm: Farm, folder: Path, count: int) -> list[float]:
    work, bare = folder / "work", folder / "bare.git"
    farm.run("git", "init", "-q", "--bare", str(bare))
    farm.run("git", "init", "-q", "-b", "main", str(work))
    seconds = []
    for number in range(count):
        (work / "app.py").write_text(f"# {number}\n")
        farm.run("git", "add", "-A", folder=work)
        farm.run("git", "commit", "-q", "-m", "Change", folder=work)
        seconds.append(timed(lambda: farm.run("git", "push", "-q", str(bare), "main", folder=work)))
    return seconds


def _commits(path: Path, count: int) -> list[float]:
    with closing(sqlite3.connect(path, isolation_level=None)) as rows:
        rows.execute("PRAGMA journal_mode=WAL")
        rows.execute("PRAGMA synchronous=FULL")
        rows.execute("CREATE TABLE numbers (number INTEGER)")
        return [timed(lambda: rows.execute("INSERT INTO numbers VALUES (1)")) for _ in range(count)]


def _copies(folder: Path, count: int) -> list[float]:
    source = folder / "10mb"
    source.write_bytes(os.urandom(10 * 1024 * 1024))
    return [timed(lambda: shutil.copyfile(source, folder / "copy")) for _ in range(count)]
