"""Reads a wheel as strictly as a zip can be read, because its members are copied without being opened again.

What the central directory says, what the local headers say and what the data is must be one story; otherwise
two readers of the same zip see different files. Extra fields are neither read nor copied: a zip64 one says nothing
where the plain sizes are given, as in wheels made by Bazel, and a size that needs one is refused.
PEP 427 (wheel), APPNOTE.TXT 6.3.10 (zip).
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from laambda.build.zipformat import (
    CENTRAL,
    CENTRAL_MARK,
    DEFLATED,
    END,
    END_MARK,
    LOCAL,
    LOCAL_MARK,
    MAX_ENTRIES,
    STORED,
    UTF8_FLAG,
)
from laambda.errors import BuildFailed

MAX_UNPACKED = 1 << 30
"""Bytes a wheel may unpack to: four times what Lambda takes."""
_NAME_LIMIT = 1024
_DIRECTORY_LIMIT = 32 << 20
_COMMENT_LIMIT = 0xFFFF
_CHUNK = 1 << 20
_DESCRIPTOR_FLAG = 0x8
_KNOWN_FLAGS = 0x6 | _DESCRIPTOR_FLAG | UTF8_FLAG  # deflate's level, sizes after the data, UTF-8 names
_NEWEST_VERSION = 63
_KIND, _REGULAR, _FOLDER = 0o170000, 0o100000, 0o040000


class BadWheel(BuildFailed):
    """The file is damaged, lies, or uses a part of zip that we refuse."""


@dataclass(frozen=True)
class Member:
    """A file in a wheel. ``header`` is the offset of its local header; sizes in bytes."""

    name: str
    raw_name: bytes
    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    executable: bool
    header: int


def members(descriptor: int, label: str) -> list[Member]:
    """The files of the wheel open at ``descriptor``, in the directory's order; raises BadWheel naming ``label``."""
    size = os.fstat(descriptor).st_size
    count, length, start = _end(descriptor, size, label)
    directory = os.pread(descriptor, length, start)
    found = list(_directory(directory, count, start, label))
    names = {member.name for member in found}
    if len(names) != len(found):
        raise BadWheel(f"{label} holds a file twice")
    if sum(member.size for member in found) > MAX_UNPACKED:
        raise BadWheel(f"{label} unpacks to more than {MAX_UNPACKED >> 20} MB")
    return [member for member in found if not member.name.endswith("/")]


def data_offset(descriptor: int, member: Member, label: str) -> int:
    """Where ``member``'s data starts; raises BadWheel where its local header tells another story."""
    fixed = os.pread(descriptor, LOCAL.size, member.header)
    if len(fixed) != LOCAL.size or not fixed.startswith(LOCAL_MARK):
        raise BadWheel(f"{label}: {member.name} has no header")
    _, _, flags, method, _, _, crc, compressed, size, name_length, extra_length = LOCAL.unpack(fixed)
    rest = os.pread(descriptor, name_length + extra_length, member.header + LOCAL.size)
    same = rest[:name_length] == member.raw_name and (flags, method) == (member.flags, member.method)
    if not flags & _DESCRIPTOR_FLAG:
        same = same and (crc, compressed, size) == (member.crc, member.compressed, member.size)
    if not same:
        raise BadWheel(f"{label}: header and directory disagree about {member.name}")
    return int(member.header + LOCAL.size + name_length + extra_length)


def check(descriptor: int, label: str) -> None:
    """Prove once that every member unpacks to what the directory promises and that none overlaps another.

    Memory stays flat. Raises BadWheel.
    """
    found = members(descriptor, label)
    if not any(member.name.endswith(".dist-info/WHEEL") and member.name.count("/") == 1 for member in found):
        raise BadWheel(f"{label} is not a wheel")
    _, _, directory = _end(descriptor, os.fstat(descriptor).st_size, label)
    spans = []
    for member in found:
        start = data_offset(descriptor, member, label)
        spans.append((member.header, start + member.compressed))
        _check_data(descriptor, member, start, label)
    spans.sort()
    edges = [*(start for start, _ in spans[1:]), directory]
    if any(end > edge for (_, end), edge in zip(spans, edges, strict=True)):
        raise BadWheel(f"{label} holds files that overlap")


def read(descriptor: int, member: Member, label: str) -> bytes:
    """The unpacked content of a small member."""
    raw = os.pread(descriptor, member.compressed, data_offset(descriptor, member, label))
    return zlib.decompress(raw, -zlib.MAX_WBITS) if member.method == DEFLATED else raw


def _end(descriptor: int, size: int, label: str) -> tuple[int, int, int]:
    """(number of entries, length, offset) of the central directory."""
    window = min(size, END.size + _COMMENT_LIMIT)
    tail = os.pread(descriptor, window, size - window)
    at = tail.rfind(END_MARK)
    while at >= 0:
        if at + END.size <= len(tail):
            _, disk, first_disk, here, count, length, start, comment = END.unpack_from(tail, at)
            if at + END.size + comment == len(tail):
                break
        at = tail.rfind(END_MARK, 0, at)
    if at < 0:
        raise BadWheel(f"{label} is not a zip file, or is cut off")
    if disk or first_disk or here != count:
        raise BadWheel(f"{label} is one part of a split zip")
    if count > MAX_ENTRIES or max(length, start) == 0xFFFF_FFFF or tail[max(0, at - 20) : at].startswith(b"PK\6\7"):
        raise BadWheel(f"{label} is a zip64 file, which is larger than Lambda takes")
    if length > _DIRECTORY_LIMIT:
        raise BadWheel(f"{label} has a directory of more than {_DIRECTORY_LIMIT >> 20} MB")
    if start + length != size - window + at:
        raise BadWheel(f"{label} has bytes around its directory that no entry explains")
    return count, length, start


def _directory(directory: bytes, count: int, start: int, label: str) -> Iterator[Member]:
    at = 0
    for _ in range(count):
        if at + CENTRAL.size > len(directory) or not directory.startswith(CENTRAL_MARK, at):
            raise BadWheel(f"{label} has a damaged directory")
        fields = CENTRAL.unpack_from(directory, at)
        needs, flags, method, crc, compressed, size = *fields[2:5], *fields[7:10]
        if needs > _NEWEST_VERSION:
            raise BadWheel(f"{label} needs version {needs / 10} of the zip format")
        name_length, extra_length, comment_length = fields[10:13]
        name_end = at + CENTRAL.size + name_length
        raw = directory[at + CENTRAL.size : name_end]
        member = Member(
            _name(raw, flags, label), raw, flags, method, crc, compressed, size, _executable(fields, label), fields[16]
        )
        _check_member(member, start, label)
        yield member
        at = name_end + extra_length + comment_length
    if at != len(directory):
        raise BadWheel(f"{label} has a damaged directory")


def _check_member(member: Member, start: int, label: str) -> None:
    if member.flags & ~_KNOWN_FLAGS:
        raise BadWheel(f"{label}: {member.name} is encrypted or patched")
    if member.method not in (STORED, DEFLATED):
        raise BadWheel(f"{label}: {member.name} is compressed by method {member.method}, not by deflate")
    if member.header + LOCAL.size + member.compressed > start:
        raise BadWheel(f"{label}: {member.name} reaches beyond the file")
    if member.method == STORED and member.compressed != member.size:
        raise BadWheel(f"{label}: {member.name} has two sizes")
    if member.name.endswith("/") and member.size:
        raise BadWheel(f"{label}: the folder {member.name} has content")


def _name(raw: bytes, flags: int, label: str) -> str:
    try:
        name = raw.decode("utf-8" if flags & UTF8_FLAG else "cp437")
    except UnicodeDecodeError:
        raise BadWheel(f"{label} holds a file whose name is not UTF-8") from None
    parts = name.removesuffix("/").split("/")
    if (
        not name
        or len(name) > _NAME_LIMIT
        or not name.isprintable()
        or "\\" in name
        or any(part in ("", ".", "..") for part in parts)
    ):
        raise BadWheel(f"{label} holds a file with the forbidden name {name[:80]!r}")
    return name


def _executable(fields: tuple[int, ...], label: str) -> bool:
    """Whether the unix mode has an execute bit; only regular files and folders pass."""
    mode = fields[15] >> 16 if fields[1] >> 8 == 3 else 0
    if mode & _KIND not in (0, _REGULAR, _FOLDER):
        raise BadWheel(f"{label} holds a link or a device")
    return bool(mode & 0o111)


def _check_data(descriptor: int, member: Member, start: int, label: str) -> None:
    crc = size = 0
    ended = False
    for chunk in _unpacked(descriptor, member, start, label):
        if chunk is None:
            ended = True
            break
        crc = zlib.crc32(chunk, crc)
        size += len(chunk)
        if size > member.size:
            break
    if not ended or size != member.size or crc != member.crc:
        raise BadWheel(f"{label}: {member.name} is damaged")


def _unpacked(descriptor: int, member: Member, start: int, label: str) -> Iterator[bytes | None]:
    """Unpacked pieces of at most a megabyte, then None if the data ended exactly where it should."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS) if member.method == DEFLATED else None
    at, end = start, start + member.compressed
    while at < end:
        raw = os.pread(descriptor, min(_CHUNK, end - at), at)
        if not raw:
            return
        at += len(raw)
        if inflate is None:
            yield raw
            continue
        while raw:
            try:
                yield inflate.decompress(raw, _CHUNK)
            except zlib.error as error:
                raise BadWheel(f"{label}: {member.name} is damaged") from error
            raw = inflate.unconsumed_tail
    if inflate is not None and not inflate.eof:
        yield inflate.flush()
    if inflate is None or (inflate.eof and not inflate.unused_data):
        yield None
