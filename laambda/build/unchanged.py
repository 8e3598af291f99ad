"""Whether a build would only make again what is live.

Compared are the tree, the settings that a build depends on, and the age of the lock that the live code was built
with: a lock of unpinned requirements that is too old might come out otherwise today. The live release counts, not
the newest: after a rollback the same tree is something new.
"""

from __future__ import annotations

import hashlib
import os

from laambda.build import lock, slab
from laambda.build.indexes import Indexes
from laambda.domain.build import Build, Step
from laambda.domain.release import Release
from laambda.ports import LinkContext, Transaction

_LOOKED_AT = 20


def build_settings(context: LinkContext) -> str:
    """Hex SHA-256 of what decides a build besides its tree and its lock."""
    parts = [context.default_runtime, Indexes.from_environ(os.environ).digest(), lock.FORMAT, slab.FORMAT]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def unchanged(context: LinkContext) -> Release | None:
    """The live release, where the build would make the same; None where it has to be built."""
    build = context.build
    if build.no_cache or not build.tree:
        return None
    with context.services.database.read() as tx:
        app = tx.apps.get(build.scope)
        live = tx.releases.get(build.scope, app.live) if app.live else None
        if live is None or live.tree != build.tree:
            return None
        made = _maker(tx, live)
    return live if made is not None and _would_be_same(context, made) else None


def _maker(tx: Transaction, live: Release) -> Build | None:
    """The newest build that made the code of ``live``, which a rollback or a config change may have released."""
    for row in tx.builds.built(live.scope, live.tree, _LOOKED_AT):
        if row.results.get(Step.UPLOAD, {}).get("slug") == live.slug:
            return row
    return None


def _would_be_same(context: LinkContext, made: Build) -> bool:
    then = made.results.get(Step.BUILD, {})
    locked, now = then.get("locked"), context.build.claimed_at or context.build.created_at
    fresh = locked is None or locked >= now.timestamp() - context.lock_age
    return fresh and then.get("settings") == build_settings(context)
