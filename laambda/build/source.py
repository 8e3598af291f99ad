"""Unpacks the pushed source. It is our own normalised tar, and is read as if it were not.

Only folders, regular files and links that stay inside are made; nothing is ever written through a link.
"""

from __future__ import annotations

import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from laambda.errors import BuildFailed, PlatformError

MAX_FILES = 50_000
MAX_BYTES = 512 * 1024 * 1024
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Unpacked:
    """What was unpacked: number of files, and their bytes."""

    files: int
    size: int


def unpack(archive: Path, tree: Path) -> Unpacked:
    """Unpack ``archive`` as the new folder ``tree``, whole or not at all; raises BuildFailed for what is unsafe
    or too large, PlatformError for a damaged tar."""
    work = tree.with_name(f".{tree.name}.unpacking")
    for old in (work, tree):
        shutil.rmtree(old, ignore_errors=True)
    work.mkdir(parents=True)
    files = size = 0
    try:
        with tarfile.open(archive, "r:") as tar:
            for member in tar:
                files, size = files + 1, size + member.size
                if files > MAX_FILES or size > MAX_BYTES:
                    raise BuildFailed(
                        f"The source has more than {MAX_FILES:,} files or {MAX_BYTES >> 20} MB",
                        hint="Keep data out of the repository",
                    )
                _unpack_member(tar, member, work)
    except tarfile.TarError as error:
        raise PlatformError(f"The stored source can't be read: {error}") from error
    work.rename(tree)
    return Unpacked(files, size)


def _unpack_member(tar: tarfile.TarFile, member: tarfile.TarInfo, root: Path) -> None:
    path = _destination(member.name, root)
    if path is None:
        return
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        _link(member, path, root)
        return
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise BuildFailed(f"The source holds {member.name[:100]!r}, which is neither a file, a folder nor a link")
    _write(content, path, 0o755 if member.mode & 0o111 else 0o644)


def _destination(name: str, root: Path) -> Path | None:
    """The place of ``name`` under ``root``; None for the root itself. No folder on the way is a link."""
    parts = [part for part in PurePosixPath(name).parts if part != "."]
    if not parts:
        return None
    if ".." in parts or parts[0] == "/" or "\0" in name:
        raise BuildFailed(f"The source holds the forbidden name {name[:100]!r}")
    at = root
    for part in parts[:-1]:
        at = at / part
        if at.is_symlink():
            raise BuildFailed(f"The source holds {name[:100]!r} behind a link")
    path = at / parts[-1]
    if path.is_symlink() or path.is_file():
        raise BuildFailed(f"The source holds {name[:100]!r} twice")
    return path


def _link(member: tarfile.TarInfo, path: Path, root: Path) -> None:
    target = os.path.normpath(path.parent / member.linkname)
    if member.linkname.startswith("/") or not Path(target).is_relative_to(root):
        raise BuildFailed(
            f"{member.name[:100]} links to {member.linkname[:100]}, outside of the repository",
            hint="Commit the file itself",
        )
    path.symlink_to(member.linkname)


def _write(content: IO[bytes], path: Path, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file, _CHUNK)
    path.chmod(mode)
