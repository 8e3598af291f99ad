"""The slug: slab, then the app's files, then one central directory.

The build makes the tail only. The slab in front of it is copied when the whole file is needed, which is never
where the slug is stored already. Hashing starts from the state after the slab, kept per process, so a change of
code costs a hash of the code.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Protocol

from laambda.build import slab as slabs
from laambda.build import zipformat
from laambda.build.slab import Slab
from laambda.build.tree import AppFile
from laambda.errors import BuildFailed, PlatformError

_KEPT = 32
_CHUNK = 1 << 20


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...
    def copy(self) -> _Hash: ...
    def digest(self) -> bytes: ...
    def hexdigest(self) -> str: ...


@dataclass(frozen=True)
class Slug:
    """A function zip that is still in two pieces. ``sha256`` is base64 as Lambda's CodeSha256; sizes in bytes;
    ``unpacked`` counts the app's own files alone."""

    id: str
    sha256: str
    size: int
    count: int
    unpacked: int

    @property
    def key(self) -> str:
        """Its key in the artifact store."""
        return f"slugs/{self.id}.zip"


def shadowed(slab: Slab, files: Sequence[AppFile]) -> frozenset[str]:
    """Paths of the slab that the app brings itself; raises BuildFailed where a file of one is a folder of the other."""
    contents, mine = slab.contents(), {file.name for file in files}
    above = {folder for name in mine for folder in slabs.folders(name)}
    if clashes := above & contents.names:
        raise BuildFailed(f"{min(clashes)} is a folder of the app and a file of a dependency", hint="Rename the folder")
    if clashes := mine & contents.folders:
        raise BuildFailed(f"{min(clashes)} is a file of the app and a folder of a dependency", hint="Rename the file")
    return contents.names & mine


def write_tail(slab: Slab, files: Sequence[AppFile], tail: Path) -> Slug:
    """Write what follows ``slab`` in the zip to ``tail``, and hash the whole.

    The same slab and files give the same bytes anywhere. Raises BuildFailed for more than a zip can hold,
    PlatformError where the slab is damaged (it is discarded; a build from the start makes it again).
    """
    whole, alone = _after(slab), hashlib.sha256()
    directory, position, unpacked = [slab.contents().directory], slab.size, 0
    with tail.open("wb") as out:

        def write(data: bytes) -> None:
            out.write(data)
            whole.update(data)
            alone.update(data)

        for file in files:
            entry, data = zipformat.pack_file(file.name, file.path, file.mode)
            directory.append(entry.directory(position))
            header = entry.header()
            for chunk in chain((header,), data):
                write(chunk)
            position += len(header) + entry.compressed
            unpacked += entry.size
        listing = b"".join(directory)
        count = slab.count + len(files)
        write(listing + zipformat.end_of_directory(count, len(listing), position))
    identity = hashlib.sha256(f"{slab.sha256}\n{alone.hexdigest()}".encode()).hexdigest()
    code = base64.b64encode(whole.digest()).decode()
    return Slug(identity, code, slab.size + tail.stat().st_size, count, unpacked)


def assemble(slab: Slab, tail: Path, to: Path) -> None:
    """Write the whole zip to ``to``."""
    with to.open("wb") as out:
        for part in (slab.entries, tail):
            with part.open("rb") as source:
                _copy(source.fileno(), out.fileno())


def _copy(source: int, out: int) -> None:
    """Copy by the kernel: shared blocks where the file system has them."""
    left = os.fstat(source).st_size
    while left:
        try:
            done = os.copy_file_range(source, out, left)
        except OSError:
            with os.fdopen(os.dup(source), "rb") as reader, os.fdopen(os.dup(out), "wb") as writer:
                shutil.copyfileobj(reader, writer, _CHUNK)
            return
        if not done:
            raise PlatformError("A file of the build was cut off while it was copied")
        left -= done


_states: OrderedDict[str, _Hash] = OrderedDict()
_states_lock = Lock()


def _after(slab: Slab) -> _Hash:
    """SHA-256's state after the slab's bytes; a copy to go on from."""
    with _states_lock:
        if known := _states.get(slab.id):
            _states.move_to_end(slab.id)
            return known.copy()
    state: _Hash = hashlib.sha256()
    with slab.entries.open("rb") as file:
        while chunk := file.read(_CHUNK):
            state.update(chunk)
    if state.hexdigest() != slab.sha256:
        slabs.discard(slab)
        raise PlatformError("A cached dependency slab was damaged and has been discarded")
    with _states_lock:
        _states[slab.id] = state.copy()
        while len(_states) > _KEPT:
            _states.popitem(last=False)
    return state
