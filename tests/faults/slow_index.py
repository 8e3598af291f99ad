"""A package index on loopback that answers when it is told to: a build that needs it lasts as long as a test wants."""

from __future__ import annotations

import base64
import hashlib
import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATIENCE = 60.0
"""Seconds after which a request is answered whatever the gate says."""


class SlowIndex:
    """Serves version 1 of every package, through a gate."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/simple/"

    def hold(self) -> None:
        """From now on a request waits."""
        self.asked.clear()
        self.gate.clear()

    def release(self) -> None:
        """Answer all that wait, and go on answering."""
        self.gate.set()

    def wait_asked(self) -> None:
        """Wait until a build stands at the gate."""
        assert self.asked.wait(30), "no build asked the index"

    @contextmanager
    def serving(self) -> Iterator[SlowIndex]:
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        index = self

        class Handler(BaseHTTPRequestHandler):
            """PEP 503, as little as uv needs."""

            def do_HEAD(self) -> None:
                """uv asks for ranges, which there are none of: it fetches the wheel whole."""
                self.send_error(405)

            def do_GET(self) -> None:
                name = self.path.strip("/").rpartition("/")[2]
                if self.path.endswith(".whl"):
                    self.answer(wheel(name.partition("-")[0]), "application/zip")
                    return
                index.asked.set()
                index.gate.wait(PATIENCE)
                self.answer(listing(name).encode(), "text/html")

            def answer(self, body: bytes, kind: str) -> None:
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Silent."""

        return Handler


def listing(name: str) -> str:
    """The index's page for a package."""
    file = f"{name.replace('-', '_')}-1-py3-none-any.whl"
    digest = hashlib.sha256(wheel(name)).hexdigest()
    return f'<!DOCTYPE html><html><body><a href="/{file}#sha256={digest}">{file}</a></body></html>'


def wheel(name: str) -> bytes:
    """An empty package's wheel: the same bytes each time."""
    module = name.replace("-", "_")
    info = f"{module}-1.dist-info"
    files = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {module}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},sha256={_digest(text)},{len(text)}\n" for path, text in files.items())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    return buffer.getvalue()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
