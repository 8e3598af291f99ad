"""Runs the processes of a Procfile in the foreground and lets none outlive it.

Each child is told by the kernel to die when its parent does (PR_SET_PDEATHSIG, prctl(2)), so that even a kill -9 of
the supervisor leaves nothing behind; on other systems than Linux only a normal end does that. A process that ends
by itself is started again, because a farm is made to lose any of its parts.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from laambda.errors import InvalidInput, PlatformError
from laambda.lifeline import die_with_parent

_STOP_GRACE = 5.0
_RESTART_PAUSE = 1.0
_READY = re.compile(r"\b(ready|listening)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Process:
    """A name and an argument list."""

    name: str
    argv: tuple[str, ...]


def read_procfile(path: Path) -> tuple[Process, ...]:
    """The processes that ``path`` names, ``python`` being this interpreter; raises InvalidInput naming the line."""
    found = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, command = line.partition(":")
        if not colon or not command.strip():
            raise InvalidInput(f"{path.name}, line {number}: expected `name: command`")
        argv = shlex.split(command)
        argv[0] = sys.executable if argv[0] == "python" else argv[0]
        found.append(Process(name.strip(), tuple(argv)))
    return tuple(found)


@dataclass
class Child:
    """A running process. The others stand on a ``foundation``: it is the last to end."""

    process: Process
    handle: subprocess.Popen[str]
    foundation: bool
    ready: threading.Event = field(default_factory=threading.Event)


class Supervisor:
    """Starts, watches and stops children. ``say(name, line)`` gets each line that one prints.

    Call it from the main thread only: the parent-death signal is tied to the thread that forks.
    """

    def __init__(self, environment: Mapping[str, str], say: Callable[[str, str], None], folder: Path) -> None:
        self._environment = dict(environment)
        self._say = say
        self._folder = folder
        self._children: dict[str, Child] = {}

    def start(self, process: Process, *, foundation: bool = False) -> Child:
        """Start it; the first line that says ready or listening makes it ready."""
        handle = subprocess.Popen(
            process.argv,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - async-signal-safe
        )
        child = Child(process, handle, foundation)
        assert handle.stdout is not None  # noqa: S101 - PIPE was asked for
        threading.Thread(target=self._pump, args=(child, handle.stdout), daemon=True).start()
        self._children[process.name] = child
        return child

    def wait_ready(self, names: Sequence[str], timeout: float) -> None:
        """Wait until each has said so; PlatformError naming the one that ended or stayed silent."""
        deadline = time.monotonic() + timeout
        for name in names:
            child = self._children[name]
            while not child.ready.wait(0.05):
                if child.handle.poll() is not None:
                    raise PlatformError(f"{name} ended with code {child.handle.returncode} before it was ready")
                if time.monotonic() > deadline:
                    raise PlatformError(f"{name} was not ready after {timeout:.0f} s")

    def watch(self, stop: threading.Event) -> None:
        """Start again whatever ends, until ``stop``."""
        while not stop.wait(0.2):
            for name, child in list(self._children.items()):
                code = child.handle.poll()
                if code is not None:
                    self._say(name, f"ended with code {code}, starting it again")
                    if stop.wait(_RESTART_PAUSE):
                        return
                    self.start(child.process, foundation=child.foundation)

    def stop(self) -> None:
        """Ask each to end, foundations when the others have; kill the groups of those that don't."""
        children = list(self._children.values())
        _end([child for child in children if not child.foundation])
        _end([child for child in children if child.foundation])

    def _pump(self, child: Child, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._say(child.process.name, line.rstrip("\n"))
                if _READY.search(line):
                    child.ready.set()


def _end(children: Sequence[Child]) -> None:
    for child in children:
        _signal(child, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_GRACE
    for child in children:
        try:
            child.handle.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal_group(child, signal.SIGKILL)
            child.handle.wait()


def _signal(child: Child, number: signal.Signals) -> None:
    if child.handle.poll() is None:
        child.handle.send_signal(number)


def _signal_group(child: Child, number: signal.Signals) -> None:
    try:
        os.killpg(child.handle.pid, number)
    except ProcessLookupError:
        return
