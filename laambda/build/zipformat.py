"""The bytes of our zips: fixed times, two modes, no extra fields, so that the same input is the same file.

Layout: APPNOTE.TXT 6.3.10, https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (4.3.7, 4.3.12, 4.3.16).
Nothing here ever needs zip64: Lambda's own limit is far below it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import deflate

from laambda.errors import BuildFailed

STORED, DEFLATED = 0, 8
MAX_ENTRIES = 65_534
MAX_OFFSET = 0xFFFF_FFFE
DEFLATE_LEVEL = 6
DEFLATE_LIMIT = 32 * 1024 * 1024
"""Bytes. Larger app files are stored: the compressor takes a whole file, and memory must stay flat."""

_CHUNK = 1 << 20

LOCAL = struct.Struct("<4s5H3I2H")
CENTRAL = struct.Struct("<4s6H3I5H2I")
END = struct.Struct("<4s4H2IH")
LOCAL_MARK, CENTRAL_MARK, END_MARK = b"PK\3\4", b"PK\1\2", b"PK\5\6"
UTF8_FLAG = 0x800

_TIME, _DATE = 0, 0x21  # 1980-01-01 00:00:00, the earliest that the format knows
_VERSION, _MADE_BY_UNIX = 20, 0x0314
_REGULAR = 0o100000


@dataclass(frozen=True)
class Entry:
    """One file of a zip we write. Sizes in bytes; ``mode`` is 0o644 or 0o755."""

    name: str
    method: int
    crc: int
    compressed: int
    size: int
    mode: int = 0o644

    def header(self) -> bytes:
        """The local header that precedes its data."""
        name = self.name.encode()
        return LOCAL.pack(LOCAL_MARK, _VERSION, _flags(name), *self._common(), len(name), 0) + name

    def directory(self, offset: int) -> bytes:
        """Its place in the central directory, for a local header at ``offset``."""
        name = self.name.encode()
        fixed = (len(name), 0, 0, 0, 0, (_REGULAR | self.mode) << 16, offset)
        return CENTRAL.pack(CENTRAL_MARK, _MADE_BY_UNIX, _VERSION, _flags(name), *self._common(), *fixed) + name

    def _common(self) -> tuple[int, ...]:
        return self.method, _TIME, _DATE, self.crc, self.compressed, self.size


def pack(name: str, content: bytes, mode: int) -> tuple[Entry, bytes]:
    """Compress ``content`` by the one pinned library, or store it where that is not smaller."""
    data = bytes(deflate.deflate_compress(content, DEFLATE_LEVEL)) if content else content
    method = DEFLATED if len(data) < len(content) else STORED
    if method == STORED:
        data = content
    return Entry(name, method, zlib.crc32(content), len(data), len(content), mode), data


def pack_file(name: str, path: Path, mode: int) -> tuple[Entry, Iterable[bytes]]:
    """The entry of a file, and its data in pieces: one compressed, or, past DEFLATE_LIMIT, stored as it is."""
    size = path.stat().st_size
    if size <= DEFLATE_LIMIT:
        entry, data = pack(name, path.read_bytes(), mode)
        return entry, (data,)
    crc = 0
    for chunk in _pieces(path):
        crc = zlib.crc32(chunk, crc)
    return Entry(name, STORED, crc, size, size, mode), _pieces(path)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def end_of_directory(count: int, size: int, offset: int) -> bytes:
    """The record that closes a zip; raises BuildFailed where it would need zip64."""
    if count > MAX_ENTRIES or offset + size > MAX_OFFSET:
        raise BuildFailed(
            f"The zip would hold {count:,} files, at most {MAX_ENTRIES:,} are possible",
            hint="Leave files out with .laambdaignore, or use fewer dependencies",
        )
    return END.pack(END_MARK, 0, 0, count, count, size, offset, 0)


def _flags(name: bytes) -> int:
    return 0 if name.isascii() else UTF8_FLAG
