"""What a rollback would change, without doing it: for ``rollback --dry-run``."""

from __future__ import annotations

from laambda.config.bags import open_vars
from laambda.domain.config import ConfigVars
from laambda.domain.names import Scope
from laambda.domain.release import ReleaseState
from laambda.errors import Conflict
from laambda.ports import Services
from laambda.release.diff import ReleaseDiff, diff


def preview_rollback(services: Services, scope: Scope, version: int) -> ReleaseDiff:
    """The differences from the live release to ``version``; NotFound or Conflict where it can't be rolled back to."""
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        if not app.live:
            raise Conflict(f"{scope} has no release yet", hint="Push first: git push laambda main")
        live, target = tx.releases.get(scope, app.live), tx.releases.get(scope, version)
        if target.state is not ReleaseState.SUCCEEDED:
            raise Conflict(
                f"v{version} of {scope} never went live", hint=f"laambda releases -a {scope} shows which did"
            )
        sealed = [None if id_ is None else tx.config.get(id_) for id_ in (live.config_id, target.config_id)]
    before, after = (ConfigVars() if bag is None else open_vars(services.vault, scope, bag) for bag in sealed)
    return diff(live, target, before, after)
