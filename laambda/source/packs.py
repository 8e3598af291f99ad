"""Many small stored packs become one, so that a new receiver's first mend stays quick.

Every push brings a pack. What must stay true: the new pack holds every object of the packs whose rows it replaces,
reachable or not, since a retry may need it; the rows change in one transaction; an object is deleted only when no
row names it. A key is never used twice, so nobody can be about to name one that is being deleted.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from laambda.domain.names import Scope
from laambda.ports import Database, ObjectStore, Repository
from laambda.source.archive import packed


def consolidate(
    repository: Repository,
    scope: Scope,
    *,
    database: Database,
    objects: ObjectStore,
    workspace: Path,
    enough: int,
) -> bool:
    """Make one pack of an app's packs if there are more than ``enough``; False where nothing changed.

    Whatever is pushed meanwhile keeps its own pack. A crash may leave objects that no row names, and nothing else.
    """
    with database.read() as tx:
        packs = tx.refs.packs(scope)
    if len(packs) <= enough or not all(repository.has_pack(pack) for pack in packs):
        return False
    workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="repack-", dir=workspace) as folder:
        archive = Path(folder) / "pack.tar"
        repository.repack(archive)
        one = packed(scope, archive)
        objects.put(one.key, archive)
    with database.write() as tx:
        replaced = tx.refs.replace_packs(scope, packs, one)
    if replaced:
        repository.keep_pack(one)
    for pack in packs if replaced else [one]:
        objects.delete(pack.key)
    return replaced
