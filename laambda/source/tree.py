"""A git tree as a tar: the source of a build.

The same tree gives the same bytes each time and everywhere: sorted names, no times, no owners, modes 0644 and 0755
alone. Nothing is dropped (``export-ignore`` and filters are git archive's, not ours); what would not survive the way
into a function, or could harm whoever unpacks it, is refused with a line that names the path.
"""

from __future__ import annotations

import io
import tarfile
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from laambda.errors import BuildFailed, PlatformError

MB = 1024 * 1024
_FOLDER = "040000"
_EXECUTABLE = "100755"
_SYMLINK = "120000"
_SUBMODULE = "160000"
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10))}
"""https://learn.microsoft.com/en-us/windows/win32/fileio/naming-a-file: no colleague there could check the tree out."""
_LFS = b"version https://git-lfs.github.com/spec/"
_LFS_LIMIT = 1024
"""Bytes: a pointer file is shorter. https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
_TARGET_LIMIT = 4096
_NAME_LIMIT = 255
_PATH_LIMIT = 1024
_RECORD_LIMIT = _PATH_LIMIT + 200
"""Bytes of one entry of a listing: its path, and mode, kind, object id and size before that."""
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class TreeLimits:
    """How large a pushed tree may be: ``files`` in all and as many folders, bytes of one file and of all together."""

    files: int = 50_000
    file_bytes: int = 512 * MB
    total_bytes: int = 1024 * MB


@dataclass(frozen=True)
class TreeEntry:
    """A leaf of a git tree. ``mode`` is git's octal text, ``size`` in bytes (0 for a submodule)."""

    mode: str
    oid: str
    size: int
    path: str


def read_listing(listing: IO[bytes], limits: TreeLimits) -> list[TreeEntry]:
    """The files that ``git ls-tree -r -t -z -l --full-tree`` prints.

    BuildFailed for a path that is not UTF-8 or too long, and for more files, or more folders, than ``limits`` allow:
    a small pack can hold a tree that names millions of either, so nothing is read after the first too many.
    """
    entries: list[TreeEntry] = []
    folders = 0
    for record in _records(listing):
        entry = _parse(record)
        if entry.mode == _FOLDER:
            folders += 1
        else:
            entries.append(entry)
        if max(len(entries), folders) > limits.files:
            raise BuildFailed(
                f"the commit has more than {limits.files:,} {'folders' if folders > limits.files else 'files'}",
                hint="Take vendored dependencies and generated files out of git",
            )
    return entries


def _records(listing: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while chunk := listing.read(_CHUNK):
        *records, rest = (rest + chunk).split(b"\0")
        yield from records
        if len(rest) > _RECORD_LIMIT:
            raise _too_long(rest.partition(b"\t")[2].decode(errors="replace"))


def _parse(record: bytes) -> TreeEntry:
    head, _, raw = record.partition(b"\t")
    if len(raw) > _PATH_LIMIT:
        raise _too_long(raw.decode(errors="replace"))
    mode, _kind, oid, size = head.decode("ascii").split()
    try:
        path = raw.decode()
    except UnicodeDecodeError:
        raise BuildFailed(f"the path {raw!r} is not UTF-8", hint="Rename the file") from None
    return TreeEntry(mode, oid, int(size) if size != "-" else 0, path)


def check_tree(entries: Sequence[TreeEntry], limits: TreeLimits) -> None:
    """Raise BuildFailed for the first entry that can't be built, before anything is read or written."""
    if not entries:
        raise BuildFailed("the commit has no files", hint="Commit your code and a Procfile, then push again")
    total = 0
    names = _Names()
    for entry in entries:
        _check_path(entry.path)
        names.add(entry.path)
        _check_kind(entry, limits)
        total += entry.size
        if total > limits.total_bytes:
            raise BuildFailed(
                f"the commit's files have more than {limits.total_bytes // MB:,} MB in all",
                hint="Keep data in S3, not in git",
            )


def write_tar(entries: Sequence[TreeEntry], read: Callable[[TreeEntry], IO[bytes]], to: Path) -> None:
    """Write ``entries`` to ``to``, sorted; ``read`` gives a stream that stands at the first byte of an entry's blob.

    BuildFailed for an LFS pointer or a symlink that leaves the tree; whatever was written is then of no use.
    """
    with tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(entries, key=lambda entry: entry.path.encode()):
            _add(tar, entry, read(entry))


def _add(tar: tarfile.TarFile, entry: TreeEntry, blob: IO[bytes]) -> None:
    info = tarfile.TarInfo(entry.path)
    if entry.mode == _SYMLINK:
        info.type = tarfile.SYMTYPE
        info.mode = 0o777
        info.linkname = _checked_target(entry.path, _exactly(blob, entry.size))
        tar.addfile(info)
        return
    info.size = entry.size
    info.mode = 0o755 if entry.mode == _EXECUTABLE else 0o644
    if entry.size >= _LFS_LIMIT:
        tar.addfile(info, blob)
        return
    content = _exactly(blob, entry.size)
    if content.startswith(_LFS):
        raise BuildFailed(
            f"{entry.path} is a Git LFS pointer, its content is not in the push",
            hint="Store the file in git itself (git lfs migrate export), or fetch it at run time from S3",
        )
    tar.addfile(info, io.BytesIO(content))


def _exactly(blob: IO[bytes], size: int) -> bytes:
    content = blob.read(size)
    if len(content) != size:
        raise PlatformError("git ended in the middle of a file")
    return content


def _check_kind(entry: TreeEntry, limits: TreeLimits) -> None:
    if entry.mode == _SUBMODULE:
        raise BuildFailed(
            f"{entry.path} is a git submodule, its content is not in the push",
            hint=f"Commit its files instead: git rm --cached {entry.path} && git add {entry.path}",
        )
    if entry.size > (_TARGET_LIMIT if entry.mode == _SYMLINK else limits.file_bytes):
        raise BuildFailed(
            f"{entry.path} has {entry.size / MB:,.0f} MB, at most {limits.file_bytes // MB:,} MB can be built",
            hint="Keep data in S3, not in git",
        )


def _check_path(path: str) -> None:
    if len(path.encode()) > _PATH_LIMIT or any(len(name.encode()) > _NAME_LIMIT for name in path.split("/")):
        raise _too_long(path)
    if not path.isprintable():
        raise BuildFailed(f"the path {path!r} holds a control character", hint="Rename it")
    for name in path.split("/"):
        if name in ("", ".", ".."):
            raise BuildFailed(f"the path {path} leaves the tree", hint="Make the commit again with git itself")
        if name.casefold().rstrip(" .") in (".git", "git~1"):
            raise BuildFailed(f"the path {path} would be taken for a git repository", hint="Rename it")
        if name.casefold().partition(".")[0].rstrip() in _DEVICES:
            raise BuildFailed(f"the path {path} is the name of a device on Windows", hint="Rename it")


def _too_long(path: str) -> BuildFailed:
    return BuildFailed(f"the path {path[:100]}... is too long for a file system", hint="Rename it")


def _checked_target(path: str, raw: bytes) -> str:
    """A symlink's target: relative, and inside the tree even if the names it goes through are symlinks too.

    Leading ``..`` climb through the link's own folders, which are real; a ``..`` after a name could climb through a
    symlink, so none is allowed there.
    """
    try:
        target = raw.decode()
    except UnicodeDecodeError:
        target = ""
    names = target.split("/")
    climbs = len(names) - len(_without_climbs(names))
    if not target or target.startswith("/") or not target.isprintable() or climbs > path.count("/"):
        raise BuildFailed(f"the symlink {path} points out of the tree, to {raw[:200]!r}", hint="Commit a copy instead")
    if ".." in names[climbs:]:
        raise BuildFailed(f"the symlink {path} has a .. after a name: {target}", hint="Write its target without it")
    return target


def _without_climbs(names: Sequence[str]) -> Sequence[str]:
    for count, name in enumerate(names):
        if name != "..":
            return names[count:]
    return ()


class _Names:
    """Finds two paths that a file system which ignores case, or normalises Unicode, would make one."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def add(self, path: str) -> None:
        while path:
            folded = unicodedata.normalize("NFC", path).casefold()
            other = self._seen.get(folded)
            if other == path:
                return  # and so are the folders above it
            if other is not None:
                raise BuildFailed(f"the paths {other} and {path} differ in case alone", hint="Rename one of them")
            self._seen[folded] = path
            path = path.rpartition("/")[0]
