"""What people ask of the farm: each becomes a row, or is refused before there is one."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from laambda.config.bags import open_vars, seal_change, seal_vars
from laambda.dispatch.cancel import cancel_row
from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.ending import close
from laambda.dispatch.limits import FarmLimits
from laambda.domain.access import AuditEntry
from laambda.domain.app import App
from laambda.domain.build import Build, BuildKind, NewBuild
from laambda.domain.config import ConfigChange, ConfigVars
from laambda.domain.names import Scope
from laambda.domain.release import Release, ReleaseState
from laambda.errors import Conflict, NotFound
from laambda.ports import Services, Transaction

_CHANGE_CONFIG = (BuildKind.CONFIG, BuildKind.ROLLBACK)
"""The kinds that leave other config vars in force than they found."""


def enqueue(services: Services, new: NewBuild, limits: FarmLimits) -> Build:
    """Add a row and send whatever is ready, which may be this one."""
    with services.database.write() as tx:
        build = add(tx, new)
    dispatch(services, limits)
    return build


def add(tx: Transaction, new: NewBuild) -> Build:
    """Add a row with its audit entry; the caller dispatches after the commit."""
    build = tx.builds.add(new)
    _audit(tx, tx.now, new.actor, str(new.kind), new.scope, new.description)
    return build


def change_config(
    services: Services, scope: Scope, change: ConfigChange, actor: str, limits: FarmLimits
) -> Build | None:
    """Ask for a release with changed config vars. None where they are in force without one: nothing is live yet, or
    nothing differs from what is live and no row that waits will change that.

    Raises InvalidInput where the result would pass Lambda's 4 KB: it is checked now and again at the deploy.
    """
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        sealed_head = tx.config.get(app.config_id) if app.config_id is not None else None
        settled = not any(build.kind in _CHANGE_CONFIG for build in tx.builds.unfinished(scope))
    head = open_vars(services.vault, scope, sealed_head) if sealed_head is not None else ConfigVars()
    wanted = head.changed(change)
    if not app.live:
        _set_config(services, app, wanted, change, actor)
        return None
    if settled and wanted == head:
        return None
    sealed = seal_change(services.vault, scope, change)
    with services.database.write() as tx:
        config_id = tx.config.add(scope, sealed)
        new = NewBuild(scope, BuildKind.CONFIG, actor, change.description, config_id=config_id)
        build = add(tx, new)
    dispatch(services, limits)
    return build


def _set_config(services: Services, app: App, wanted: ConfigVars, change: ConfigChange, actor: str) -> None:
    """A deploy that has begun took the bag in force with it, and its end would put that one back."""
    sealed = seal_vars(services.vault, app.scope, wanted)
    with services.database.write() as tx:
        if not tx.versions.set_config(app.scope, tx.config.add(app.scope, sealed), old=app.config_id):
            raise Conflict(f"the config vars of {app.scope} changed meanwhile", hint="Run the command again")
        if any(build.version for build in tx.builds.unfinished(app.scope)):
            raise Conflict(
                f"the first release of {app.scope} is being deployed", hint="Run the command again when it has ended"
            )
        _audit(tx, tx.now, actor, "config", app.scope, change.description)


def roll_back(services: Services, scope: Scope, version: int | None, actor: str, limits: FarmLimits) -> Build:
    """Ask for an earlier release to come back, by default the last good one before the live one.

    It goes first: older pushes that have not deployed yet are cancelled, and say so.
    """
    cancelled = []
    with services.database.write() as tx:
        app = tx.apps.get(scope)
        goal = rollback_goal(tx, app, version)
        for other in tx.builds.unfinished(scope):
            reason = f"cancelled by a rollback to v{goal.version}"
            if other.kind in (BuildKind.PUSH, BuildKind.RETRY) and cancel_row(tx, other, reason):
                cancelled.append(other.id)
        new = NewBuild(scope, BuildKind.ROLLBACK, actor, f"Rollback to v{goal.version}", target_version=goal.version)
        build = add(tx, replace(new, commit=goal.commit, tree=goal.tree))
    for build_id in cancelled:
        close(services, build_id, last_words=f"Build {build_id} was cancelled by a rollback to v{goal.version}")
    dispatch(services, limits)
    return build


def rollback_goal(tx: Transaction, app: App, version: int | None) -> Release:
    """The release to come back to; Conflict or NotFound where there is none. ``version`` None: the last good one."""
    if not app.live:
        raise Conflict(f"{app.scope} has no release yet", hint="git push laambda main")
    if version == app.live:
        raise Conflict(f"v{version} of {app.scope} is live already", hint=f"laambda releases -a {app.scope}")
    if version is None:
        earlier = [r for r in tx.releases.recent(app.scope, 100) if r.version < app.live and _good(r)]
        if not earlier:
            raise Conflict(f"v{app.live} of {app.scope} has no good release before it")
        return earlier[0]
    release = tx.releases.get(app.scope, version)
    if not _good(release):
        raise NotFound(f"v{version} of {app.scope} failed, it can't come back", hint=f"laambda releases -a {app.scope}")
    return release


def _good(release: Release) -> bool:
    return release.state is ReleaseState.SUCCEEDED


def _audit(tx: Transaction, at: datetime, actor: str, action: str, scope: Scope, detail: str) -> None:
    tx.audit.add(AuditEntry(at, actor, action, str(scope), detail))
