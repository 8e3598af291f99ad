"""Invoke, made real: find the version, run the event in a warm process, write the log lines.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html. What is not there: retries of asynchronous invocations,
destinations, memory limits that kill (the memory used is reported).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from laambda.localcloud.describe import log_group
from laambda.localcloud.exchange import Answer, Request
from laambda.localcloud.functions import LATEST, Function, Version
from laambda.localcloud.interpreters import CHILD, Interpreters, NoInterpreterError
from laambda.localcloud.limits import check_payload
from laambda.localcloud.packages import Packages
from laambda.localcloud.pool import Pool
from laambda.localcloud.refusal import RefusedError, conflict, invalid
from laambda.localcloud.registry import resolve
from laambda.localcloud.runtime_api import Job, Result, failure
from laambda.localcloud.sandbox import GoneError, Line, Plan, Sandbox

INIT_SECONDS = 10.0
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib"""

CONCURRENCY = 64
"""All functions together, as an account's limit is; AWS's is 1,000 and this is one machine."""

TAIL_BYTES = 4096
ASYNC_WORKERS = 8

WriteLog = Callable[[str, str, str, list[Line]], None]
"""Region, log group, stream and lines to CloudWatch Logs."""


@dataclass(frozen=True)
class Invoker:
    """Runs functions. ``endpoint`` is the local cloud's own address, which functions find in AWS_ENDPOINT_URL, and
    ``access_key`` the key id that they sign with."""

    packages: Packages
    interpreters: Interpreters
    pool: Pool
    write_log: WriteLog
    new_id: Callable[[], str]
    endpoint: Callable[[], str]
    access_key: str
    scratch: Path
    _running: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _later: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(ASYNC_WORKERS, thread_name_prefix="event")
    )

    def answer(self, function: Function, qualifier: str | None, request: Request) -> Answer:
        """Answer an Invoke call as its invocation type asks."""
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind not in ("RequestResponse", "Event", "DryRun"):
            raise invalid(f"Unknown invocation type {kind}")
        check_payload(request.body, wait=kind != "Event")
        version = choose(function, qualifier)
        now = time.time()
        if version.creating and not version.settled(now):
            raise conflict(
                "The operation cannot be performed at this time. "
                "The function is currently in the following state: Pending"
            )
        if kind == "DryRun":
            return Answer(204)
        arn = function.qualified(qualifier) if qualifier else function.arn
        event = _Event(function, version.running(now), arn, request.body or b"{}", self.new_id())
        if kind == "Event":
            self._later.submit(self._run_later, event)
            return Answer(202, headers=(("x-amzn-RequestId", event.request_id),))
        result, lines = self._run(event)
        headers = [("Content-Type", "application/json"), ("X-Amz-Executed-Version", version.number)]
        headers.append(("x-amzn-RequestId", event.request_id))
        if result.error:
            headers.append(("X-Amz-Function-Error", "Unhandled"))
        if request.headers.get("x-amz-log-type") == "Tail":
            tail = "".join(f"{text}\n" for _, text in lines).encode()[-TAIL_BYTES:]
            headers.append(("X-Amz-Log-Result", base64.b64encode(tail).decode()))
        return Answer(200, result.body, headers)

    def _run_later(self, event: _Event) -> None:
        try:
            self._run(event)
        except Exception:  # noqa: BLE001 - nobody waits for this call, so its failure must show somewhere
            traceback.print_exc()

    def _run(self, event: _Event) -> tuple[Result, list[Line]]:
        """Run one event within the reserved concurrency and log it.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
        """
        name, most = event.function.arn, event.function.concurrency
        with self._lock:
            running = self._running.get(name, 0)
            if sum(self._running.values()) >= CONCURRENCY or (most is not None and running >= most):
                raise RefusedError("TooManyRequestsException", "Rate Exceeded.")
            self._running[name] = running + 1
        try:
            result, stream, lines = self._attempt(event)
        finally:
            with self._lock:
                self._running[name] -= 1
        self.write_log(event.function.region, log_group(event.function, event.version), stream, lines)
        return result, lines

    def _attempt(self, event: _Event) -> tuple[Result, str, list[Line]]:
        key = event.key()
        while sandbox := self.pool.take(key):
            try:
                return self._in(sandbox, event, key)
            except GoneError:
                self.pool.drop(sandbox)
        stream = time.strftime("%Y/%m/%d/", time.gmtime()) + f"[{event.version.number}]{self.new_id().replace('-', '')}"
        try:
            sandbox = self._start(event, stream)
        except NoInterpreterError as error:
            now = int(time.time() * 1000)
            message = f"RequestId: {event.request_id} Error: {error}"
            return failure("Runtime.InvalidEntrypoint", message), stream, [(now, message)]
        return self._in(sandbox, event, key)

    def _in(self, sandbox: Sandbox, event: _Event, key: str) -> tuple[Result, str, list[Line]]:
        started = time.time()
        cold = sandbox.cold
        if cold:
            sandbox.wait_ready(INIT_SECONDS)
        before = sandbox.take_lines()
        began, timeout = time.time(), float(event.version.settings["Timeout"])
        result = sandbox.run(event.job(began + timeout), timeout)
        ended = time.time()
        sandbox.cold = False
        memory = sandbox.memory()
        lines = [*before, (_ms(began), f"START RequestId: {event.request_id} Version: {event.version.number}")]
        lines += sandbox.take_lines()
        if result is None:
            lines.append((_ms(ended), f"{_iso(ended)} {event.request_id} Task timed out after {timeout:.2f} seconds"))
            message = f"RequestId: {event.request_id} Error: Task timed out after {timeout:.2f} seconds"
            result = failure("Sandbox.Timedout", message)
            self.pool.drop(sandbox)
        else:
            self.pool.give(key, sandbox)
        init = began - started if cold else None
        lines.append((_ms(ended), f"END RequestId: {event.request_id}"))
        lines.append((_ms(ended), event.report(ended - began, memory, init)))
        return result, sandbox.stream, lines

    def _start(self, event: _Event, stream: str) -> Sandbox:
        task = self.packages.unpack(event.version.code)
        launch = self.interpreters.launch(event.version.settings["Runtime"], task)
        self.scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=self.scratch))
        plan = Plan(
            argv=(launch.starter, "-S", str(CHILD), str(os.getpid()), *launch.command),
            environment=event.environment(self.endpoint(), self.access_key, task, launch.runtime, scratch),
            task=task,
            scratch=scratch,
        )
        sandbox = Sandbox(plan, stream, self.pool.spawn)
        self.pool.adopt(sandbox)
        self.packages.trim(self.pool.tasks())
        return sandbox


@dataclass(frozen=True)
class _Event:
    """One invocation of one version."""

    function: Function
    version: Version
    arn: str
    payload: bytes
    request_id: str

    def key(self) -> str:
        """Equal for invocations that may share a process."""
        text = json.dumps([self.function.arn, self.version.number, self.version.fingerprint()])
        return hashlib.sha256(text.encode()).hexdigest()

    def job(self, deadline: float) -> Job:
        root = f"1-{int(time.time()):08x}-{self.request_id.replace('-', '')[:24]}"
        return Job(self.request_id, self.payload, deadline, self.arn, f"Root={root};Parent={root[-16:]};Sampled=0")

    def environment(
        self, endpoint: str, access_key: str, task: Path, runtime: Path, scratch: Path
    ) -> Mapping[str, str]:
        """What a function finds in its environment, and nothing of the host's.

        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
        """
        settings = self.version.settings
        region = self.function.region
        defined = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "HOME": str(scratch),
            "TMPDIR": str(scratch),
            "LD_LIBRARY_PATH": f"{task}:{task}/lib",
            "PYTHONPATH": str(runtime),
            "NODE_PATH": f"{task}/node_modules",
            "AWS_ENDPOINT_URL": endpoint,
            **((settings.get("Environment") or {}).get("Variables") or {}),
        }
        reserved = {
            "_HANDLER": settings["Handler"],
            "AWS_ACCESS_KEY_ID": access_key,
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_SESSION_TOKEN": "local",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{settings['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": self.function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version.number,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings["MemorySize"]),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group(self.function, self.version),
            "LAMBDA_TASK_ROOT": str(task),
            "LAMBDA_RUNTIME_DIR": str(runtime),
        }
        return defined | reserved

    def report(self, seconds: float, memory: int, init: float | None) -> str:
        """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""
        milliseconds = seconds * 1000
        size = self.version.settings["MemorySize"]
        line = (
            f"REPORT RequestId: {self.request_id}\tDuration: {milliseconds:.2f} ms\t"
            f"Billed Duration: {ceil(milliseconds)} ms\tMemory Size: {size} MB\tMax Memory Used: {memory} MB"
        )
        return line if init is None else f"{line}\tInit Duration: {init * 1000:.2f} ms"


def choose(function: Function, qualifier: str | None) -> Version:
    """The version to run; an alias with weights sends its share elsewhere.

    https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
    """
    alias = function.aliases.get(qualifier or LATEST)
    dice = random.random() if alias and alias.weights else 1.0  # noqa: S311
    for number, weight in (alias.weights if alias else {}).items():
        if dice < weight:
            return resolve(function, number)
        dice -= weight
    return resolve(function, qualifier)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{_ms(seconds) % 1000:03d}Z"
