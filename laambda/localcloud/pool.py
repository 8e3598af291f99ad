"""Warm function processes: reused per version and settings, bounded when idle, reaped after a while.

All of them are children of one thread that lives as long as the local cloud, because the kernel ties a parent-death
signal to the *thread* that forked (prctl(2)).
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

from laambda.localcloud.sandbox import Sandbox

IDLE_SECONDS = 300.0
IDLE_MOST = 8

_Order = tuple[Callable[[], "subprocess.Popen[bytes]"], "SimpleQueue[subprocess.Popen[bytes] | OSError]"]


class Pool:
    """Idle processes by key, the longest idle first."""

    def __init__(self, clock: Callable[[], float], *, most: int = IDLE_MOST, idle: float = IDLE_SECONDS) -> None:
        self._clock, self._most, self._idle_seconds = clock, most, idle
        self._idle: list[tuple[str, Sandbox]] = []
        self._all: set[Sandbox] = set()
        self._lock = threading.Lock()
        self._orders: SimpleQueue[_Order] = SimpleQueue()
        threading.Thread(target=self._keep, name="spawner", daemon=True).start()

    def tasks(self) -> set[Path]:
        """The folders that processes run from."""
        with self._lock:
            return {sandbox.task for sandbox in self._all}

    def take(self, key: str) -> Sandbox | None:
        """A warm process, the most recently used one."""
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index][0] == key:
                    return self._idle.pop(index)[1]
        return None

    def adopt(self, sandbox: Sandbox) -> None:
        """Count a new process in, to end it with all others."""
        with self._lock:
            self._all.add(sandbox)

    def give(self, key: str, sandbox: Sandbox) -> None:
        """Take a process back after an event."""
        if not sandbox.usable:
            return self.drop(sandbox)
        with self._lock:
            sandbox.idle_since = self._clock()
            self._idle.append((key, sandbox))
        return self.reap()

    def drop(self, sandbox: Sandbox) -> None:
        """End a process."""
        with self._lock:
            self._all.discard(sandbox)
        sandbox.kill()

    def reap(self) -> None:
        """End processes that are idle for long or are too many."""
        now = self._clock()
        with self._lock:
            surplus = len(self._idle) - self._most
            old = [
                sandbox
                for index, (_, sandbox) in enumerate(self._idle)
                if index < surplus or now - sandbox.idle_since > self._idle_seconds or not sandbox.usable
            ]
            self._idle = [entry for entry in self._idle if entry[1] not in old]
        for sandbox in old:
            self.drop(sandbox)

    def close(self) -> None:
        """End all, busy ones too."""
        with self._lock:
            every, self._all, self._idle = list(self._all), set(), []
        for sandbox in every:
            sandbox.kill()

    def spawn(self, start: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        """Run ``start`` in the thread that all processes are children of. Raises what it raises."""
        answer: SimpleQueue[subprocess.Popen[bytes] | OSError] = SimpleQueue()
        self._orders.put((start, answer))
        made = answer.get()
        if isinstance(made, OSError):
            raise made
        return made

    def _keep(self) -> None:
        while True:
            try:
                start, answer = self._orders.get(timeout=10)
            except Empty:
                self.reap()
                continue
            try:
                answer.put(start())
            except OSError as error:
                answer.put(error)
