from __future__ import annotations

import subprocess
import threading
from pathlib import Path
from typing import cast

import pytest

from laambda.localcloud.pool import Pool
from laambda.localcloud.sandbox import Sandbox


class Process:
    """Stands for a sandbox: what the pool knows of one."""

    def __init__(self, *, usable: bool = True) -> None:
        self.usable, self.killed, self.idle_since = usable, False, 0.0
        self.task = Path("/task")

    def kill(self) -> None:
        self.killed = True


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def adopted(pool: Pool, *, usable: bool = True) -> tuple[Process, Sandbox]:
    process = Process(usable=usable)
    sandbox = cast(Sandbox, process)
    pool.adopt(sandbox)
    return process, sandbox


def test_a_process_is_reused_for_its_own_key_only() -> None:
    pool = Pool(Clock())
    _, sandbox = adopted(pool)
    pool.give("a", sandbox)
    assert pool.take("b") is None
    assert pool.take("a") is sandbox
    assert pool.take("a") is None


def test_the_longest_idle_ends_when_there_are_too_many() -> None:
    pool = Pool(Clock(), most=2)
    processes = [adopted(pool) for _ in range(3)]
    for _, sandbox in processes:
        pool.give("a", sandbox)
    assert [process.killed for process, _ in processes] == [True, False, False]


def test_a_process_that_is_idle_for_long_ends() -> None:
    clock = Clock()
    pool = Pool(clock, idle=60)
    process, sandbox = adopted(pool)
    pool.give("a", sandbox)
    clock.now = 61
    pool.reap()
    assert process.killed
    assert pool.take("a") is None


def test_a_broken_process_is_not_kept() -> None:
    pool = Pool(Clock())
    process, sandbox = adopted(pool, usable=False)
    pool.give("a", sandbox)
    assert process.killed
    assert pool.tasks() == set()


def test_closing_ends_busy_processes_too() -> None:
    pool = Pool(Clock())
    process, _ = adopted(pool)
    pool.close()
    assert process.killed


def test_all_processes_are_started_by_one_thread() -> None:
    """prctl(2): the signal at the parent's death is tied to the thread that forked."""
    pool, threads = Pool(Clock()), []

    def start() -> subprocess.Popen[bytes]:
        threads.append(threading.current_thread())
        raise FileNotFoundError("no such program")

    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            pool.spawn(start)
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
