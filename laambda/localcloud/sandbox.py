"""One function process, warm between invocations, one event at a time.

Lambda calls this an execution environment: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html.
Its lines are read until the pipe is empty when an answer arrives, so a line printed before the answer is always part of
that invocation's log.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

from laambda.localcloud.runtime_api import Job, Result, RuntimeApi, failure

Line = tuple[int, str]
"""Milliseconds of the epoch and one line without its end."""

Spawn = Callable[[Callable[[], "subprocess.Popen[bytes]"]], "subprocess.Popen[bytes]"]
"""Runs the given start in the one thread that function processes are children of."""

LINE_BYTES = 256 * 1024
"""Below https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html, 1 MB an event."""


class GoneError(Exception):
    """The process ended while it was idle."""


@dataclass(frozen=True)
class Plan:
    """How to start the process; ``environment`` lacks only what the sandbox itself knows."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    task: Path
    scratch: Path


class Sandbox:
    """A started process. ``stream`` is its log stream; ``cold`` until its first event."""

    def __init__(self, plan: Plan, stream: str, spawn: Spawn) -> None:
        self.stream = stream
        self.task = plan.task
        self.cold = True
        self.idle_since = 0.0
        self.exit_status: int | None = None
        self._ready = threading.Event()
        self._init_error: Result | None = None
        self._job: Job | None = None
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.RLock()
        self._lines: list[Line] = []
        self._partial = b""
        self._scratch = plan.scratch
        self._api = RuntimeApi(self)
        environment = {**plan.environment, "AWS_LAMBDA_RUNTIME_API": self._api.address}
        environment |= {"AWS_LAMBDA_LOG_STREAM_NAME": stream}
        self._process = spawn(lambda: _start(plan, environment))
        assert self._process.stdout is not None  # noqa: S101
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)
        threading.Thread(target=self._watch, name="sandbox", daemon=True).start()

    def wait_ready(self, seconds: float) -> bool:
        """Wait until the function is loaded, has failed to load or has ended."""
        return self._ready.wait(seconds)

    def run(self, job: Job, seconds: float) -> Result | None:
        """Give the process an event and wait for the result; None when time is up. Raises GoneError."""
        with self._lock:
            if self._init_error:
                return self._init_error
            if self.exit_status is not None:
                if not self.cold:
                    raise GoneError
                return self._ended(job)
            self._job = job
        self._jobs.put(job)
        try:
            return job.answers.get(timeout=seconds)
        except Empty:
            return None

    @property
    def usable(self) -> bool:
        return self.exit_status is None and self._init_error is None

    def take_lines(self) -> list[Line]:
        """The lines since the last call."""
        self._drain()
        with self._lock:
            if self._partial:
                self._append(self._partial)
                self._partial = b""
            lines, self._lines = self._lines, []
        return lines

    def memory(self) -> int:
        """The most memory the process has used, in MB (proc(5), VmHWM)."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return 0
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return int(found[0]) // 1024 + 1 if found else 0

    def kill(self) -> None:
        """End the process with all it started, and clear its temporary folder."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._jobs.put(None)
        self._api.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def next_job(self) -> Job | None:
        self._ready.set()
        return self._jobs.get()

    def finish(self, request_id: str, result: Result) -> bool:
        self._drain()
        with self._lock:
            if self._job is None or self._job.request_id != request_id:
                return False
            self._job.answers.put(result)
            self._job = None
        return True

    def init_failed(self, body: bytes) -> None:
        self._drain()
        with self._lock:
            self._init_error = Result(body, error=True)
            if self._job:
                self._job.answers.put(self._init_error)
                self._job = None
        self._ready.set()

    def _watch(self) -> None:
        """Read lines as they come and notice the end of the process, even if a child of it keeps the pipe open."""
        handle = os.pidfd_open(self._process.pid)
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        poll.register(handle, select.POLLIN)
        ended = False
        while not ended:
            ready = dict(poll.poll())
            ended = handle in ready
            if self._pipe in ready and self._drain() and not ended:
                poll.unregister(self._pipe)
        os.close(handle)
        status = self._process.wait()
        self._drain()
        with self._lock:
            self.exit_status = status
            if self._job:
                self._job.answers.put(self._ended(self._job))
                self._job = None
        self._ready.set()

    def _ended(self, job: Job) -> Result:
        status = self.exit_status or 0
        reason = f"signal: {_signal(-status)}" if status < 0 else f"exit status {status}"
        message = f"RequestId: {job.request_id} Error: Runtime exited with error: {reason}"
        if status == 0:
            message = f"RequestId: {job.request_id} Error: Runtime exited without providing a reason"
        return failure("Runtime.ExitError", message)

    def _drain(self) -> bool:
        """Read what the pipe holds now; True at its end."""
        with self._lock:
            while True:
                try:
                    data = os.read(self._pipe, 65_536)
                except BlockingIOError:
                    return False
                except OSError:
                    return True
                if not data:
                    return True
                *lines, self._partial = (self._partial + data).split(b"\n")
                for line in lines:
                    self._append(line)
                if len(self._partial) > LINE_BYTES:
                    self._append(self._partial)
                    self._partial = b""

    def _append(self, line: bytes) -> None:
        text = line[:LINE_BYTES].decode("utf-8", "replace").rstrip("\r")
        self._lines.append((int(time.time() * 1000), text))


def _start(plan: Plan, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        plan.argv,
        cwd=plan.task,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def _signal(number: int) -> str:
    return (signal.strsignal(number) or str(number)).lower()
