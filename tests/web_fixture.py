"""A web server on this machine that keeps what is posted to it."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    content_type: str
    document: dict[str, Any]


@dataclass
class WebServer:
    """``answer`` is the status of each answer; nothing is answered until ``open`` is set."""

    url: str = ""
    answer: int = 200
    location: str = ""
    open: threading.Event = field(default_factory=threading.Event)
    posted: queue.Queue[Posted] = field(default_factory=queue.Queue)

    def next(self) -> Posted:
        """The next request, which may be on its way."""
        return self.posted.get(timeout=10)


@contextmanager
def running_web_server() -> Iterator[WebServer]:
    """Serve on a free port until the block ends."""
    state = WebServer()
    state.open.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.posted.put(Posted(self.path, self.headers["Content-Type"], json.loads(body)))
            state.open.wait(10)
            self.send_response(state.answer)
            if state.location:
                self.send_header("Location", state.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/services/T0/B0/secret"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            state.open.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def web_server() -> Iterator[WebServer]:
    with running_web_server() as server:
        yield server
