"""The Runtime API of one function process: where its runtime client asks for the next event and answers it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Each process has a port of its own, since the protocol
names no process. Buffered writes without Nagle's delay are what makes a warm invocation take milliseconds.
"""

from __future__ import annotations

import http.server
import json
from dataclasses import dataclass, field
from http import HTTPStatus
from queue import SimpleQueue
from typing import Protocol

from laambda.localcloud.limits import RESPONSE_BYTES
from laambda.localcloud.listener import LoopbackServer, from_browser

PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Result:
    """What an invocation came to; ``error`` when it is a function error."""

    body: bytes
    error: bool = False


@dataclass(frozen=True)
class Job:
    """One event for the process. ``deadline`` is in seconds of the epoch."""

    request_id: str
    payload: bytes
    deadline: float
    arn: str
    trace: str
    client_context: str | None = None
    answers: SimpleQueue[Result] = field(default_factory=SimpleQueue)


class Mailbox(Protocol):
    """The process as its Runtime API sees it."""

    def next_job(self) -> Job | None:
        """Wait for the next event; None when the process is to end."""

    def finish(self, request_id: str, result: Result) -> bool:
        """Hand over the result; False when nobody waits for it."""

    def init_failed(self, body: bytes) -> None:
        """The process can't start and says why."""


def failure(kind: str, message: str) -> Result:
    """A function error that the service makes, not the function."""
    return Result(json.dumps({"errorType": kind, "errorMessage": message}).encode(), error=True)


class RuntimeApi(LoopbackServer):
    """Serves ``mailbox`` on a free port until closed."""

    def __init__(self, mailbox: Mailbox) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.mailbox = mailbox
        self.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: RuntimeApi

    def parse_request(self) -> bool:
        """A web page must not take an event, or answer one."""
        if not super().parse_request():
            return False
        if from_browser({name.lower(): value for name, value in self.headers.items()}):
            self._send(HTTPStatus.FORBIDDEN)
            return False
        return True

    def do_GET(self) -> None:
        if self.path != f"{PREFIX}/invocation/next":
            return self._send(HTTPStatus.NOT_FOUND)
        if (job := self.server.mailbox.next_job()) is None:
            self.close_connection = True
            return None
        headers = {
            "Lambda-Runtime-Aws-Request-Id": job.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(job.deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": job.arn,
            "Lambda-Runtime-Trace-Id": job.trace,
        }
        if job.client_context:
            headers["Lambda-Runtime-Client-Context"] = job.client_context
        return self._send(HTTPStatus.OK, job.payload, headers)

    def do_POST(self) -> None:
        body = self._read()
        parts = self.path.removeprefix(PREFIX).strip("/").split("/")
        match parts:
            case ["init", "error"]:
                self.server.mailbox.init_failed(body)
            case ["invocation", request_id, "response" | "error"]:
                if not self._finish(request_id, Result(body, error=parts[2] == "error")):
                    return None
            case _:
                return self._send(HTTPStatus.NOT_FOUND)
        return self._send(HTTPStatus.ACCEPTED, b'{"status":"OK"}\n')

    def _finish(self, request_id: str, result: Result) -> bool:
        """Hand the result over; says so itself when that is refused."""
        if len(result.body) > RESPONSE_BYTES:
            kind = "Function.ResponseSizeTooLarge"
            text = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES} bytes)."
            refused = failure(kind, text)
            self.server.mailbox.finish(request_id, refused)
            self._send(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, refused.body)
            return False
        if not self.server.mailbox.finish(request_id, result):
            self._send(HTTPStatus.BAD_REQUEST, failure("InvalidRequestID", "Invalid request ID").body)
            return False
        return True

    def _read(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = bytearray()
        while size := int(self.rfile.readline(32).partition(b";")[0] or b"0", 16):
            body += self.rfile.read(size)
            self.rfile.readline(8)
        self.rfile.readline(8)
        return bytes(body)

    def _send(self, status: HTTPStatus, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing: the function's own lines are the log."""
