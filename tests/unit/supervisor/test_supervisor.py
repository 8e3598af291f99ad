"""Processes of a Procfile: started, watched, and never left behind."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from laambda.cli.supervisor import Process, Supervisor, read_procfile
from laambda.errors import InvalidInput, PlatformError
from tests.processes import wait_gone

SLEEPER = "import signal; print('ready', flush=True); signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True)\nwhile 1: signal.pause()"
)


class Said:
    """Collects what children say, for tests that wait for a line."""

    def __init__(self) -> None:
        self.lines: queue.Queue[tuple[str, str]] = queue.Queue()

    def __call__(self, name: str, line: str) -> None:
        self.lines.put((name, line))

    def next(self) -> tuple[str, str]:
        return self.lines.get(timeout=15)


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def supervisor(said: Said, tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(dict(os.environ), said, tmp_path)
    yield supervisor
    supervisor.stop()


def python(name: str, code: str) -> Process:
    return Process(name, (sys.executable, "-c", code))


def test_a_procfile_names_processes_and_this_python_runs_them(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# the farm\n\napi: python -m laambda.api --port '80 80'\nweb: true\n")
    assert read_procfile(tmp_path / "Procfile") == (
        Process("api", (sys.executable, "-m", "laambda.api", "--port", "80 80")),
        Process("web", ("true",)),
    )


@pytest.mark.parametrize("line", ["api", "api:", "api:   "])
def test_a_bad_line_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "Procfile").write_text(f"web: true\n{line}\n")
    with pytest.raises(InvalidInput, match="Procfile, line 2"):
        read_procfile(tmp_path / "Procfile")


def test_a_process_is_ready_when_it_says_so(supervisor: Supervisor, said: Said) -> None:
    supervisor.start(python("one", SLEEPER))
    supervisor.wait_ready(["one"], 15)
    assert said.next() == ("one", "ready")


def test_a_process_that_ends_before_it_is_ready_is_named_with_its_code(supervisor: Supervisor) -> None:
    supervisor.start(python("one", "raise SystemExit(7)"))
    with pytest.raises(PlatformError, match="one ended with code 7"):
        supervisor.wait_ready(["one"], 15)


def test_a_process_that_stays_silent_is_named(supervisor: Supervisor) -> None:
    supervisor.start(python("one", "import signal; signal.pause()"))
    with pytest.raises(PlatformError, match="one was not ready"):
        supervisor.wait_ready(["one"], 0.1)


def test_children_get_the_environment_and_the_folder_that_were_given(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor({"GIVEN": "42"}, said, tmp_path)
    supervisor.start(python("one", "import os; print(os.environ['GIVEN'], os.getcwd())"))
    assert said.next() == ("one", f"42 {tmp_path}")
    supervisor.stop()


def test_a_process_that_ends_is_started_again(supervisor: Supervisor, said: Said) -> None:
    child = supervisor.start(python("one", SLEEPER))
    assert said.next() == ("one", "ready")
    stop = threading.Event()
    killer = threading.Thread(target=kill_then_wait_for_another, args=(child.handle.pid, said, stop))
    killer.start()
    supervisor.watch(stop)
    killer.join()
    assert stop.is_set()


def kill_then_wait_for_another(pid: int, said: Said, stop: threading.Event) -> None:
    """Supervisors watch from the main thread, so the test acts from another."""
    try:
        os.kill(pid, signal.SIGKILL)
        assert said.next() == ("one", "ended with code -9, starting it again")
        assert said.next() == ("one", "ready")
    finally:
        stop.set()


def test_stopping_ends_every_process(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(dict(os.environ), said, tmp_path)
    children = [supervisor.start(python(name, SLEEPER)) for name in ("one", "two")]
    supervisor.wait_ready(["one", "two"], 15)
    supervisor.stop()
    assert [child.handle.returncode for child in children] == [-signal.SIGTERM, -signal.SIGTERM]


def test_a_foundation_ends_after_what_stands_on_it(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(dict(os.environ), said, tmp_path)
    polite = (
        "import os, signal, time\n"
        "def end(*_): {pause}; os.write(1, b'ended\\n'); os._exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('ready', flush=True)\nwhile True: signal.pause()"
    )
    supervisor.start(python("below", polite.format(pause="pass")), foundation=True)
    supervisor.start(python("above", polite.format(pause="time.sleep(0.3)")))
    supervisor.wait_ready(["below", "above"], 15)
    supervisor.stop()
    lines = [said.next() for _ in range(4)]
    assert [name for name, line in lines if line == "ended"] == ["above", "below"]


@pytest.mark.slow
def test_a_process_that_does_not_end_is_killed(said: Said, tmp_path: Path) -> None:
    supervisor = Supervisor(dict(os.environ), said, tmp_path)
    child = supervisor.start(python("one", STUBBORN))
    supervisor.wait_ready(["one"], 15)
    supervisor.stop()
    assert child.handle.returncode == -signal.SIGKILL


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's parent-death signal")
def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    code = f"""
import os, sys, signal
from pathlib import Path
from laambda.cli.supervisor import Process, Supervisor
supervisor = Supervisor(os.environ, lambda *_: None, Path())
pids = [supervisor.start(Process(name, (sys.executable, "-c", {STUBBORN!r}))).handle.pid for name in "ab"]
supervisor.wait_ready(["a", "b"], 15)
print(*pids, flush=True)
signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(pids) == 2
    assert wait_gone(pids, 5) == []
