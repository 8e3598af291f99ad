"""A receiver's repository is a cache: mended from the rows before git shows a ref, so that its loss loses nothing."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from laambda.domain.names import Scope
from laambda.domain.refs import Pack
from laambda.errors import NotFound, PlatformError
from laambda.ports import Database, ObjectStore, Repository

_FETCHES = 8
"""Packs fetched at once."""


def mend(repository: Repository, scope: Scope, *, database: Database, objects: ObjectStore, workspace: Path) -> None:
    """Bring every stored pack and every ref row into ``repository``; ``workspace`` is a folder on its disk.

    Packs come first: a ref never names an object that is not there. Raises Unavailable where database or object
    store are away, and PlatformError where a stored pack is not what was stored.
    """
    workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with repository.lock():
        lost: Sequence[Pack] = ()
        while True:
            with database.read() as tx:
                refs = dict(tx.refs.all(scope))
                packs = tx.refs.packs(scope)
            if gone := [pack.key for pack in lost if pack in packs]:
                raise PlatformError(f"the stored pack {gone[0]} is gone")
            lost = _fetch_all(repository, [pack for pack in packs if not repository.has_pack(pack)], objects, workspace)
            if not lost:
                break
        if repository.refs() != refs:
            repository.set_refs(refs)


def show_refs(repository: Repository, scope: Scope, *, database: Database) -> None:
    """After a push whose objects git has taken over: the refs alone, as the rows have them."""
    with repository.lock():
        with database.read() as tx:
            refs = dict(tx.refs.all(scope))
        repository.set_refs(refs)


def _fetch_all(repository: Repository, packs: Sequence[Pack], objects: ObjectStore, workspace: Path) -> Sequence[Pack]:
    """Gives those that are not stored: one pack may have taken their place since the rows were read."""
    if not packs:
        return ()
    with ThreadPoolExecutor(_FETCHES) as pool:
        fetches = [pool.submit(_fetch, repository, pack, objects, workspace) for pack in packs]
        return [pack for pack, fetch in zip(packs, fetches, strict=True) if not fetch.result()]


def _fetch(repository: Repository, pack: Pack, objects: ObjectStore, workspace: Path) -> bool:
    """False where there is no such object."""
    with tempfile.TemporaryDirectory(prefix="mend-", dir=workspace) as folder:
        archive = Path(folder) / "pack.tar"
        try:
            objects.get(pack.key, archive)
        except NotFound:
            return False
        with archive.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
        if found != pack.sha256:
            raise PlatformError(f"the stored pack {pack.key} is damaged")
        repository.add_pack(pack, archive)
    return True
