"""The HTTP/1.1 side of the local cloud: connections kept alive, bodies read whole, answers written at once."""

from __future__ import annotations

import contextlib
import http.server
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Mapping

from laambda.localcloud.exchange import Answer, Request

BODY_BYTES = 512 * 1024 * 1024
"""Larger than any part that laambda uploads; a bound on what one request may make us hold."""

NO_BODY = frozenset({204, 304})


class LoopbackServer(http.server.ThreadingHTTPServer):
    """A server on the loopback interface that starts in a thread and stops without waiting."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    _closing = False

    def start(self) -> None:
        threading.Thread(target=self._accept, name=type(self).__name__, daemon=True).start()

    def close(self) -> None:
        self._closing = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the accept

    def _accept(self) -> None:
        while not self._closing:
            self.handle_request()
        self.server_close()


class Listener(LoopbackServer):
    """The local cloud's port. ``answer`` is set before the start."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answer: Callable[[Request], Answer] = lambda _request: Answer(503)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is not worth a traceback."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def from_browser(headers: Mapping[str, str]) -> bool:
    """Whether a web page may have sent this: it could make functions run on this machine.

    A page's request tells its origin (https://fetch.spec.whatwg.org/#origin-header), or, under a name that was made to
    lead here, a foreign host.
    """
    host = headers.get("host", "127.0.0.1").partition(":")[0]
    return "origin" in headers or "sec-fetch-site" in headers or host not in ("127.0.0.1", "localhost")


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Listener

    def _serve(self) -> None:
        try:
            body = self._read()
        except ValueError:
            self.close_connection = True
            self._write(Answer(413))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        if from_browser(headers):
            self._write(Answer(403))
            return
        request = Request(self.command, self.path, headers, body)
        try:
            answer = self.server.answer(request)
        except Exception:  # noqa: BLE001 - the edge: a defect must answer, or the caller waits for its timeout
            traceback.print_exc()
            answer = Answer(500, b'{"message": "The local cloud failed; see its standard error"}')
        self._write(answer)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Every method is served the same way."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def handle_expect_100(self) -> bool:
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _read(self) -> bytes:
        """The body. Raises ValueError when it is too large or its framing is broken."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            length = int(self.headers.get("Content-Length") or 0)
            if not 0 <= length <= BODY_BYTES:
                raise ValueError(length)
            return self.rfile.read(length)
        body = bytearray()
        while size := int(self.rfile.readline(32).partition(b";")[0], 16):
            if size < 0 or len(body) + size > BODY_BYTES:
                raise ValueError(size)
            body += self.rfile.read(size)
            self.rfile.readline(8)
        while self.rfile.readline(1024).strip():
            pass
        return bytes(body)

    def _write(self, answer: Answer) -> None:
        self.send_response(answer.status)
        length = str(len(answer.body))
        for name, value in answer.headers:
            if name.lower() == "content-length":
                length = value if self.command == "HEAD" else length
            elif name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                self.send_header(name, str(value))
        if answer.status not in NO_BODY:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD" and answer.status not in NO_BODY:
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep no access log."""
