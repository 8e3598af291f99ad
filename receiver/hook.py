"""The unix socket on which the hooks of running pushes ask the receiver.

The socket lies in a folder that only this user can enter; each request shows the random nonce of one push, which
only that push's git was told. Lines go out as they come; a hook that has gone away (its client is lost, the machine
killed it) does not stop what it asked for.
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from laambda.errors import InvalidInput
from laambda.ports import each_line

_log = logging.getLogger(__name__)

SOCKET_PATH_LIMIT = 107
"""Bytes of a socket's path on Linux: unix(7)."""
_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 1024 * 1024
_ASK_SECONDS = 30.0
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")

Tell = Callable[[str], None]


@dataclass(frozen=True)
class HookRequest:
    """What a hook sent: its name, git's quarantine (None where the push brought no objects), options and stdin."""

    kind: str
    quarantine: Path | None
    options: tuple[str, ...]
    body: str


class HookHandler(Protocol):
    """Answers the hooks of one push."""

    def __call__(self, request: HookRequest, tell: Tell, /) -> int:
        """Tell lines; give the hook's exit code."""


class HookServer:
    """Listens for the hooks of this process's pushes."""

    def __init__(self, run_dir: Path) -> None:
        run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(run_dir)
        _sweep(run_dir)
        self.path = run_dir / f"hooks-{os.getpid()}-{secrets.token_hex(3)}.sock"
        if len(os.fsencode(self.path)) > SOCKET_PATH_LIMIT:
            raise InvalidInput(
                f"the socket path {self.path} is too long", hint="Set LAAMBDA_RUN_DIR to a shorter folder"
            )
        self._handlers: dict[str, HookHandler] = {}
        self._stopped = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(os.fspath(self.path))
        self._listener.listen(128)

    def start(self) -> None:
        threading.Thread(target=self._accept, name="hooks", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._listener.close()
        self.path.unlink(missing_ok=True)

    @contextmanager
    def expect(self, handler: HookHandler) -> Iterator[dict[str, str]]:
        """While the block runs, hooks with the environment it gives are answered by ``handler``."""
        nonce = secrets.token_urlsafe(24)
        self._handlers[nonce] = handler
        try:
            yield {"LAAMBDA_HOOK_SOCKET": os.fspath(self.path), "LAAMBDA_HOOK_NONCE": nonce}
        finally:
            del self._handlers[nonce]

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                peer, _ = self._listener.accept()
            except OSError as error:
                if not self._stopped.wait(0.2):
                    _log.warning("can't accept hooks: %s", error)
                continue
            threading.Thread(target=self._serve, args=(peer,), name="hook", daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                peer.settimeout(_ASK_SECONDS)
                handler, request = self._read(peer)
            except (OSError, ValueError) as error:
                _log.warning("hook refused: %s", error)
                return
            peer.settimeout(None)
            try:
                code = handler(request, _Voice(peer))
            except Exception:  # noqa: BLE001 - a bug must reject the push, not leave git waiting
                _log.exception("hook %s", request.kind)
                code = 1
            with suppress(OSError):
                peer.sendall(b"\0%d" % code)

    def _read(self, peer: socket.socket) -> tuple[HookHandler, HookRequest]:
        with peer.makefile("rb") as stream:
            size = int(stream.read(8), 16)
            if size > _HEAD_LIMIT:
                raise ValueError("its head is too long")
            nonce, kind, quarantine, *options = stream.read(size).decode("utf-8", "replace").split("\0")
            body = stream.read(_BODY_LIMIT + 1)
        if len(body) > _BODY_LIMIT:
            raise ValueError("its body is too long")
        handler = self._find(nonce)
        text = body.decode("utf-8", "replace")
        return handler, HookRequest(kind, Path(quarantine) if quarantine else None, tuple(options), text)

    def _find(self, nonce: str) -> HookHandler:
        for known, handler in list(self._handlers.items()):
            if hmac.compare_digest(known.encode(), nonce.encode()):
                return handler
        raise ValueError("its nonce is unknown")


def _check_private(folder: Path) -> None:
    """Raise InvalidInput unless only this user can enter: somebody may have made a folder in /tmp before us."""
    found = folder.stat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise InvalidInput(
            f"{folder} is open to other users", hint=f"Run chmod 700 {folder}, or set LAAMBDA_RUN_DIR to another folder"
        )


def _sweep(folder: Path) -> None:
    """Remove the sockets of receivers that were killed."""
    for path in folder.glob("hooks-*.sock"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(os.fspath(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
            except OSError:
                continue


class _Voice:
    """Sends whole lines to a hook; silent once the hook is gone."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer: socket.socket | None = peer

    def __call__(self, line: str) -> None:
        if self._peer is None:
            return
        try:
            self._peer.sendall("".join(f"{plain}\n" for plain in plain_lines(line)).encode("utf-8", "replace"))
        except OSError:
            self._peer = None


def plain_lines(text: str) -> Iterator[str]:
    """Lines that do a terminal no harm: no escape sequences, no control characters; at least one line."""
    return iter(list(each_line(_ESCAPES.sub("", text))) or [""])


def install_hooks(folder: Path) -> None:
    """Write the two hooks that start ``hook_script.py`` on this interpreter's base, without site packages."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    python = getattr(sys, "_base_executable", "") or sys.executable
    script = Path(__file__).with_name("hook_script.py")
    for name in ("pre-receive", "proc-receive"):
        words = shlex.join([python, "-I", "-S", os.fspath(script), name])
        fresh = folder / f".{name}-{secrets.token_hex(3)}"
        fresh.write_text(f"#!/bin/sh\nexec {words}\n")
        fresh.chmod(0o700)
        fresh.replace(folder / name)
