"""What a rollback would change, before it is asked for."""

from __future__ import annotations

from laambda.config.bags import open_vars
from laambda.dispatch.requests import rollback_goal
from laambda.domain.config import ConfigVars
from laambda.domain.names import Scope
from laambda.domain.release import Release
from laambda.ports import Services, Transaction
from laambda.release.diff import ReleaseDiff, diff


def preview_rollback(services: Services, scope: Scope, version: int | None) -> ReleaseDiff:
    """From the live release to vN, or to the last good one before it; refused as ``roll_back`` refuses."""
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        goal = rollback_goal(tx, app, version)
        live = tx.releases.get(scope, app.live)
        sealed = [_bag(tx, release) for release in (live, goal)]
    before, after = (open_vars(services.vault, scope, bag) if bag else ConfigVars() for bag in sealed)
    return diff(live, goal, before, after)


def _bag(tx: Transaction, release: Release) -> bytes | None:
    return tx.config.get(release.config_id) if release.config_id is not None else None
