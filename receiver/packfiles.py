"""Pack files on disk and in archives. A pack is seen by git once its index is there, so the index comes last and goes
first: https://git-scm.com/docs/gitformat-pack"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

_NAME = re.compile(r"pack-[0-9a-f]{40}\.(?:pack|idx)")
_PARTS = (".idx", ".rev", ".bitmap", ".pack")


def packs_in(folder: Path) -> set[Path]:
    """The complete packs in ``folder``, by the path of their ``.pack``."""
    return {path.with_suffix(".pack") for path in folder.glob("pack-*.idx")}


def write_archive(packs: Iterable[Path], to: Path) -> None:
    """A tar of packs with their indexes, the same bytes each time."""
    with tarfile.open(to, "w") as tar:
        for path in sorted(packs):
            for part in (path, path.with_suffix(".idx")):
                info = tarfile.TarInfo(part.name)
                info.size = part.stat().st_size
                with part.open("rb") as stream:
                    tar.addfile(info, stream)


def read_archive(archive: Path, folder: Path) -> None:
    """Write the packs of an archive into ``folder``, and nothing else that it may hold."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and _NAME.fullmatch(member.name):
                _copy(tar, member, folder / member.name)


def move_packs(folder: Path, to: Path) -> None:
    """Move all packs of ``folder``; both are on one disk."""
    for name in sorted((path.name for path in folder.glob("pack-*") if _NAME.fullmatch(path.name)), reverse=True):
        (folder / name).replace(to / name)


def delete_pack(pack: Path) -> None:
    for part in _PARTS:
        pack.with_suffix(part).unlink(missing_ok=True)


def _copy(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path) -> None:
    """Write a regular file's bytes, and nothing else of it (tarfile's own filters came with Python 3.11.4)."""
    content = tar.extractfile(member)
    assert content is not None  # noqa: S101 - a regular file
    with content, to.open("wb") as file:
        shutil.copyfileobj(content, file)
