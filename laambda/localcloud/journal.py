"""What the local cloud remembers: an append-only file of encrypted records, replayed at start.

A record is written before its request is answered, so what was answered is found again after the process is killed (a
power cut may lose the last ones: nothing is synced). Records hold secrets, so each is sealed with AES-256-GCM under
the key in ``key`` (0600), its place in the file authenticated. A half-written last record was never answered and is
cut off.

The file begins with a mark of its format, which changes with the records' own fields: a journal of another version of
laambda is refused as such, not as damaged.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import struct
import threading
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from laambda.errors import Conflict, PlatformError

HEADER = struct.Struct(">II")
"""Length of the sealed record, and a check sum of that length: a damaged length must not look like a torn record."""

NONCE_BYTES = 12

FAMILY = b"laambda local cloud journal "
MARK = FAMILY + b"1\n"
"""The first bytes of the file. Raise the number when this version and the last can't read each other's."""

Entry = Mapping[str, Any]
"""One record: plain JSON."""


class JournalDamagedError(PlatformError):
    """The journal can't be read with this key, or was changed."""


class JournalForeignError(PlatformError):
    """The journal was made by another version of laambda."""


class Journal:
    """The journal in ``folder``; read ``entries`` before the first ``append``. Raises Conflict when it is in use."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._guard = _claim(folder / "lock")
        self._path = folder / "journal"
        self._cipher = AESGCM(_key(folder / "key"))
        self._lock = threading.Lock()
        self._count = 0
        self._file = -1

    def entries(self) -> Iterator[Entry]:
        """Every record in order; cuts a torn last one off. Raises JournalDamagedError and JournalForeignError."""
        if not self._path.exists():
            return
        whole, self._count = 0, 0
        with self._path.open("rb") as file:
            if self._marked(file):
                whole = file.tell()
            while whole and (sealed := self._next(file)):
                yield self._open(sealed)
                self._count += 1
                whole = file.tell()
        os.truncate(self._path, whole)

    def append(self, entry: Entry) -> None:
        """Write one record; it survives the end of this process once this returns."""
        with self._lock:
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
                if not os.fstat(self._file).st_size:
                    _write(self._file, MARK)
            _write(self._file, self._seal(entry, self._count))
            self._count += 1

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Replace the whole journal by ``entries`` in one step."""
        with self._lock:
            self._close()
            fresh = self._path.with_suffix(".new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            _write(handle, MARK)
            self._count = 0
            for entry in entries:
                _write(handle, self._seal(entry, self._count))
                self._count += 1
            os.fsync(handle)
            os.close(handle)
            fresh.replace(self._path)

    def foreign(self) -> JournalForeignError:
        """What to raise for a record that can be opened and not understood."""
        return JournalForeignError(
            f"the local cloud's journal {self._path} was made by another version of laambda",
            hint=f"run that version on it, or remove {self._path.parent} to start empty",
        )

    def close(self) -> None:
        with self._lock:
            self._close()
            os.close(self._guard)

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _seal(self, entry: Entry, place: int) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, json.dumps(entry).encode(), _place(place))
        return HEADER.pack(len(sealed), _check(len(sealed))) + sealed

    def _marked(self, file: BinaryIO) -> bool:
        """Whether the file has its mark; False when the first write was torn and nothing follows."""
        mark = file.read(len(MARK))
        if mark == MARK:
            return True
        if MARK.startswith(mark) or not (any(mark) or any(file.read())):
            return False
        if mark.startswith(FAMILY) or _is_header(mark):  # of before there were marks
            raise self.foreign()
        raise self._damaged()

    def _next(self, file: BinaryIO) -> bytes:
        """The next sealed record, nothing at the end or when only a part of one is left."""
        header = file.read(HEADER.size)
        if len(header) < HEADER.size:
            return b""
        length, check = HEADER.unpack(header)
        if check != _check(length):
            if not any(header) and not any(file.read()):
                return b""  # a file that grew before a power cut, but was not filled
            raise self._damaged()
        sealed = file.read(length)
        return sealed if len(sealed) == length else b""

    def _damaged(self) -> JournalDamagedError:
        return JournalDamagedError(
            f"record {self._count} of the local cloud's journal {self._path} can't be read with its key",
            hint=f"restore the file key next to it, or remove {self._path.parent} to start empty",
        )

    def _open(self, sealed: bytes) -> Entry:
        try:
            text = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _place(self._count))
        except (InvalidTag, ValueError) as error:
            raise self._damaged() from error
        entry: Entry = json.loads(text)
        return entry


def _check(length: int) -> int:
    return zlib.crc32(length.to_bytes(4, "big"))


def _is_header(start: bytes) -> bool:
    return len(start) >= HEADER.size and _check(HEADER.unpack_from(start)[0]) == HEADER.unpack_from(start)[1]


def _place(number: int) -> bytes:
    return b"laambda local cloud journal 1 " + number.to_bytes(8, "big")


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _claim(path: Path) -> int:
    """Keep other processes off this folder for as long as this one lives (flock(2))."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise Conflict(
            f"another local cloud runs on {path.parent}", hint="stop it, or choose another folder with --home"
        ) from error
    return handle


def _key(path: Path) -> bytes:
    """The key in ``path``, made at the first start and complete as soon as it is there."""
    if not path.exists():
        fresh = path.with_suffix(".new")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(handle, AESGCM.generate_key(256))
        os.fsync(handle)
        os.close(handle)
        fresh.replace(path)
    return path.read_bytes()
