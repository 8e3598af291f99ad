"""Hand-made wheels, and a package index on loopback that serves them, well or badly: for tests."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from laambda.build.indexes import Indexes
from laambda.build.lock import LockedWheel
from laambda.build.wheels import wheel_path


def wheel(
    name: str, version: str = "1.0", files: Mapping[str, str | bytes] | None = None, requires: tuple[str, ...] = ()
) -> bytes:
    """A pure wheel; by default one module of its name."""
    info = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {each}\n" for each in requires)
    members: dict[str, str | bytes] = {
        **(files if files is not None else {f"{name}.py": f"VERSION = {version!r}\n" * 20}),
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in members.items():
            archive.writestr(path, content)
    return out.getvalue()


def sdist(name: str, version: str, setup: str) -> bytes:
    """A source distribution whose set-up runs ``setup``."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, content in {"setup.py": setup, "PKG-INFO": f"Name: {name}\nVersion: {version}\n"}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return out.getvalue()


def locked(content: bytes, name: str, url: str = "") -> LockedWheel:
    """``content`` as a lock names it."""
    filename = f"{name}-1.0-py3-none-any.whl"
    return LockedWheel(name, "1.0", filename, url, hashlib.sha256(content).hexdigest(), len(content))


def stored(cache: Path, **wheels: bytes) -> list[LockedWheel]:
    """Put good wheels into the store."""
    found = [locked(content, name) for name, content in sorted(wheels.items())]
    for each in found:
        path = wheel_path(cache, each.sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wheels[each.package])
    return found


class Index:
    """A package index (PEP 503, with the metadata files of PEP 658).

    ``cut`` names files whose answer breaks off half way that many times, ``lies`` what is served in their place.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.files: dict[str, bytes] = {}
        self.cut: Counter[str] = Counter()
        self.lies: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.ranges = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"

    @property
    def indexes(self) -> Indexes:
        return Indexes({"UV_DEFAULT_INDEX": self.url, "UV_HTTP_RETRIES": "0"})

    def add(self, name: str, version: str = "1.0", **more: object) -> LockedWheel:
        """Publish a wheel."""
        content = wheel(name, version, **more)  # type: ignore[arg-type]
        return self.publish(f"{name}-{version}-py3-none-any.whl", content)

    def publish(self, filename: str, content: bytes) -> LockedWheel:
        """Publish a file."""
        self.files[filename] = content
        name, version, *_ = filename.split("-")
        digest = hashlib.sha256(content).hexdigest()
        return LockedWheel(
            name, version, filename, f"http://127.0.0.1:{self.port}/files/{filename}", digest, len(content)
        )

    def file(self, name: str) -> bytes:
        """A file, or a wheel's metadata; nothing where there is none."""
        content = self.lies.get(name) or self.files.get(name.removesuffix(".metadata"), b"")
        if not (name.endswith(".metadata") and content):
            return content
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return archive.read(next(each for each in archive.namelist() if each.endswith("/METADATA")))

    def page(self, name: str) -> bytes:
        """The page of a project."""
        links = [
            f'<a data-core-metadata="true" href="/files/{file}#sha256={hashlib.sha256(content).hexdigest()}">{file}</a>'
            for file, content in self.files.items()
            if file.startswith(f"{name}-")
        ]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if links else b""


@contextmanager
def serving() -> Iterator[Index]:
    """An index that answers until the block ends."""
    index: Index

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _, kind, name, *_ = f"{self.path}//".split("/")
            asked = self.headers.get("Range", "")
            index.requests.append((self.path, asked))
            content = index.page(name) if kind == "simple" else index.file(name)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked.endswith("-") and index.ranges else 0
            self.send_response((206 if start else 200) if content else 404)
            self.send_header("Content-Type", "text/html" if kind == "simple" else "application/octet-stream")
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            if kind == "files" and index.cut[name] > 0:
                index.cut[name] -= 1
                self.wfile.write(content[start : len(content) // 2 + start // 2])
                self.close_connection = True
                return
            self.wfile.write(content[start:])

        def log_message(self, *args: object) -> None:
            """Quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A client that hangs up is part of the tests."""

    server = Server(("127.0.0.1", 0), Handler)
    index = Index(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
