"""What killed processes leave on a node's disk, and what makes it go away.

A worker removes the workspace of a build that it ends. One that ended elsewhere (cancelled, taken over by another
node) or under a process that was killed stays until it is swept. Only workspaces of ended rows go: an end is final,
so nobody can be about to use them. Temporary files of the cache go after a day, which no build lasts.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from laambda.errors import NotFound
from laambda.ports import Services

_log = logging.getLogger(__name__)

LEFT_AFTER = 86_400.0
"""Seconds without a change after which a temporary file of the cache is nobody's any more."""

_TEMPORARY = ("slabs/.*", "wheels/.*", "locks/.*", "uv/resolve-*", "uv/export-*")
"""Where the build writes before it renames."""

_NOTES = (".held/*",)
"""Which token a task of this node holds."""


def sweep(services: Services, workspaces: Path, cache: Path) -> int:
    """Remove all that is left over on this node; gives the number of files and folders removed."""
    gone = sum(remove_workspace(services, workspaces, build_id) for build_id in _workspaces(workspaces))
    oldest = time.time() - LEFT_AFTER
    gone += sum(
        _remove(path) for path in (*_leftovers(cache, _TEMPORARY, oldest), *_leftovers(workspaces, _NOTES, oldest))
    )
    if gone:
        _log.info("swept %d leftovers", gone)
    return gone


def remove_workspace(services: Services, workspaces: Path, build_id: int) -> bool:
    """Remove the workspace of a build that has ended, or that is gone with its app; tells whether it did."""
    folder = workspaces / str(build_id)
    if not folder.exists():
        return False
    with services.database.read() as tx:
        try:
            if not tx.builds.get(build_id).state.ended:
                return False
        except NotFound:
            pass
    return _remove(folder)


def _workspaces(workspaces: Path) -> Iterator[int]:
    if workspaces.is_dir():
        yield from (int(entry.name) for entry in workspaces.iterdir() if entry.name.isdecimal())


def _leftovers(folder: Path, patterns: Sequence[str], oldest: float) -> Iterator[Path]:
    for pattern in patterns:
        for path in folder.glob(pattern):
            try:
                if path.lstat().st_mtime < oldest:
                    yield path
            except FileNotFoundError:
                continue


def _remove(path: Path) -> bool:
    """Whatever it is, and whoever else removes it at the same time."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    return not path.exists()
