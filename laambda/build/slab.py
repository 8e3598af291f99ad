"""The dependency slab: all wheels of a lock as one run of zip entries, made once and reused by every build.

The slab is the first part of a function zip, so its offsets hold wherever it is used. ``slabs/<id>/`` holds
``entries`` (local headers and data), ``directory`` (its part of the central directory), ``names`` and
``about.json``; the folder appears by one rename. The id names the inputs: wheels in order and names left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

from laambda.build import WorkspaceGone, wheelfile, zipformat
from laambda.build.lock import LockedWheel
from laambda.build.wheelfile import Member
from laambda.build.wheels import wheel_path
from laambda.build.zipformat import Entry
from laambda.errors import BuildFailed

FORMAT = "1"
_CHUNK = 1 << 20
_SCRIPT_LIMIT = 1 << 20
_INTERPRETER = b"#!/usr/bin/env python3"
_SIGNATURES = ("RECORD.jws", "RECORD.p7s")


@dataclass(frozen=True)
class Slab:
    """A slab on disk. Sizes in bytes; ``sizes`` are unpacked bytes by package; ``sha256`` (hex) is of ``entries``."""

    id: str
    folder: Path
    count: int
    size: int
    sha256: str
    sizes: Mapping[str, int]
    cached: bool

    @property
    def entries(self) -> Path:
        return self.folder / "entries"

    def contents(self) -> Contents:
        """What is in it; kept in memory for the slabs used last."""
        return _contents(self.folder)


@dataclass(frozen=True)
class Contents:
    """``directory`` is the slab's part of the central directory; ``names`` its files, ``folders`` all above them."""

    directory: bytes
    names: frozenset[str]
    folders: frozenset[str]


@lru_cache(maxsize=32)
def _contents(folder: Path) -> Contents:
    text = (folder / "names").read_text("utf-8")
    names = frozenset(text.split("\n")) if text else frozenset()
    return Contents(
        (folder / "directory").read_bytes(), names, frozenset(above for name in names for above in folders(name))
    )


def slab_id(wheels: Sequence[LockedWheel], without: frozenset[str] = frozenset()) -> str:
    """The id of the slab of ``wheels`` that leaves the paths ``without`` out."""
    parts = [FORMAT, *(wheel.sha256 for wheel in wheels), "", *sorted(without)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load(cache: Path, id: str) -> Slab | None:  # noqa: A002 - the noun of the domain
    """The slab, or None where this node does not have it."""
    folder = cache / "slabs" / id
    try:
        about = json.loads((folder / "about.json").read_bytes())
        known = Slab(id=id, folder=folder, cached=True, **about)
        return known if known.entries.stat().st_size == known.size else None
    except (OSError, ValueError, TypeError):
        return None


def make(wheels: Sequence[LockedWheel], cache: Path, without: frozenset[str] = frozenset()) -> Slab:
    """The slab of ``wheels``, which are in the store; made where it is not there yet.

    Raises BuildFailed where two packages can't live together, BadWheel where a wheel is bad.
    """
    identity = slab_id(wheels, without)
    if known := load(cache, identity):
        return known
    slabs = cache / "slabs"
    slabs.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=slabs, prefix=".making-"))
    try:
        about = _write(wheels, cache, without, work)
        final = slabs / identity
        try:
            work.rename(final)
        except OSError:
            if load(cache, identity) is None:  # what is there is damaged
                shutil.rmtree(final, ignore_errors=True)
                work.rename(final)
        return Slab(id=identity, folder=final, cached=False, **about)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def discard(slab: Slab) -> None:
    """Forget a slab whose bytes are damaged."""
    shutil.rmtree(slab.folder, ignore_errors=True)


@dataclass(frozen=True)
class _Source:
    """Where a path of the slab comes from."""

    path: str
    wheel: LockedWheel
    descriptor: int
    member: Member
    script: bool


def _write(wheels: Sequence[LockedWheel], cache: Path, without: frozenset[str], work: Path) -> dict[str, Any]:
    digest, position, sizes = hashlib.sha256(), 0, dict.fromkeys((wheel.package for wheel in wheels), 0)
    directory: list[bytes] = []
    with ExitStack() as stack, (work / "entries").open("wb") as out:
        sources = _sources(wheels, cache, without, stack)
        for source in sources:
            entry, data = _entry(source)
            directory.append(entry.directory(position))
            for chunk in chain((entry.header(),), data):
                digest.update(chunk)
                out.write(chunk)
                position += len(chunk)
            sizes[source.wheel.package] += entry.size
    (work / "directory").write_bytes(b"".join(directory))
    (work / "names").write_text("\n".join(source.path for source in sources), "utf-8")
    about: dict[str, Any] = {"count": len(sources), "size": position, "sha256": digest.hexdigest(), "sizes": sizes}
    (work / "about.json").write_text(json.dumps(about))
    return about


def _sources(wheels: Sequence[LockedWheel], cache: Path, without: frozenset[str], stack: ExitStack) -> list[_Source]:
    """By path. Where two wheels bring the same path the later wins, as with pip."""
    found: dict[str, _Source] = {}
    for wheel in wheels:
        descriptor = _open(wheel, cache)
        stack.callback(os.close, descriptor)
        for member in wheelfile.members(descriptor, wheel.filename):
            path, script = place(member.name)
            if path and path not in without:
                found[path] = _Source(path, wheel, descriptor, member, script)
    for path, source in found.items():
        if clash := next((folder for folder in folders(path) if folder in found), None):
            raise BuildFailed(
                f"{clash} is a file in {found[clash].wheel.package} and a folder in {source.wheel.package}"
            )
    return [found[path] for path in sorted(found)]


def _open(wheel: LockedWheel, cache: Path) -> int:
    try:
        return os.open(wheel_path(cache, wheel.sha256), os.O_RDONLY)
    except FileNotFoundError:
        raise WorkspaceGone(f"{wheel.filename} is not in the wheel store any more") from None


def folders(path: str) -> Iterator[str]:
    """The folders above ``path``, outermost first."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def place(name: str) -> tuple[str, bool]:
    """Where a wheel's file goes, empty for nowhere, and whether it is a script whose first line is rewritten.

    The spread of ``.data`` is PEP 427's, with Lambda's ``/var/task`` as root; byte code and headers stay behind.
    """
    top, _, rest = name.partition("/")
    if name.endswith((".pyc", ".pyo")) or "__pycache__" in name.split("/"):
        return "", False
    if top.endswith(".dist-info") and rest in _SIGNATURES:
        return "", False
    if not (top.endswith(".data") and rest):
        return name, False
    kind, _, path = rest.partition("/")
    if kind in ("purelib", "platlib", "data"):
        return path, False
    return (f"bin/{path}", True) if kind == "scripts" and path else ("", False)


def _entry(source: _Source) -> tuple[Entry, Iterator[bytes]]:
    """The entry and its data as it is in the wheel, still compressed."""
    member, label = source.member, source.wheel.filename
    if source.script and member.size <= _SCRIPT_LIMIT:
        content = wheelfile.read(source.descriptor, member, label)
        entry, data = zipformat.pack(source.path, _rewritten(content), 0o755)
        return entry, iter((data,))
    mode = 0o755 if member.executable or source.script else 0o644
    entry = Entry(source.path, member.method, member.crc, member.compressed, member.size, mode)
    return entry, _raw(source.descriptor, wheelfile.data_offset(source.descriptor, member, label), member.compressed)


def _rewritten(content: bytes) -> bytes:
    """A script with an interpreter that Lambda has: wheels say ``#!python`` or ``#!pythonw`` (PEP 427)."""
    first, newline, rest = content.partition(b"\n")
    return _INTERPRETER + newline + rest if first.startswith(b"#!python") else content


def _raw(descriptor: int, start: int, length: int) -> Iterator[bytes]:
    at, end = start, start + length
    while at < end:
        chunk = os.pread(descriptor, min(_CHUNK, end - at), at)
        if not chunk:
            raise BuildFailed("A wheel in the store is cut off")
        at += len(chunk)
        yield chunk
