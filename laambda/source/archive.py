"""What is kept of a push: its source as a tar under its tree's id, its pack under a key of its own.

Both are stored before there is a row that needs them. A source is content-addressed and kept: the next push of the
tree may use it. A pack's key is never used twice, so it can be deleted once no row names it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from laambda.domain.names import Scope
from laambda.domain.refs import Pack
from laambda.errors import PlatformError
from laambda.ports import ObjectStore, PushedObjects


@dataclass(frozen=True)
class Archives:
    """Files on this disk by the key they get in the object store. ``source`` is a key, or empty."""

    files: Mapping[str, Path]
    pack: Pack | None = None
    source: str = ""

    def store(self, objects: ObjectStore) -> None:
        """Put them all, side by side."""
        with ThreadPoolExecutor(max(1, len(self.files))) as pool:
            for stored in [pool.submit(objects.put, key, path) for key, path in self.files.items()]:
                stored.result()

    def discard(self, objects: ObjectStore) -> None:
        """Delete a stored pack that no row names and none will. Harmless where it fails."""
        with suppress(PlatformError):
            if self.pack is not None:
                objects.delete(self.pack.key)


def archive_pack(scope: Scope, pushed: PushedObjects, folder: Path) -> Archives:
    """Archive the push's pack into ``folder``; a push may have brought no objects."""
    path = folder / "pack.tar"
    if not pushed.new_pack(path):
        return Archives({})
    pack = packed(scope, path)
    return Archives({pack.key: path}, pack)


def packed(scope: Scope, path: Path) -> Pack:
    """The archive at ``path`` as a pack with a new key."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    key = f"packs/{scope.app}/{scope.environment}/{digest}-{secrets.token_hex(4)}.tar"
    return Pack(key, digest, path.stat().st_size)


def with_source(archives: Archives, tree: str, pushed: PushedObjects, objects: ObjectStore, folder: Path) -> Archives:
    """The archives with the tree's tar, which is made only if it is not stored yet; BuildFailed for a bad tree."""
    key, path = f"sources/{tree}.tar", folder / "source.tar"
    if objects.exists(key):
        return replace(archives, source=key)
    pushed.write_source(tree, path)
    return replace(archives, source=key, files={**archives.files, key: path})
