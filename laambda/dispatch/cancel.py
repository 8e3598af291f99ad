"""Ending a row because somebody wants it: before its deploy begins, never after.

From the transaction that takes vN on, a row runs to its end, since a release is all or nothing; what it made is
undone by a rollback.
"""

from __future__ import annotations

from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.ending import close, end_held, end_unheld
from laambda.dispatch.limits import FarmLimits
from laambda.domain.access import AuditEntry
from laambda.domain.build import Build, BuildState, Phase
from laambda.errors import Conflict
from laambda.ports import Services, Transaction


def cancel(services: Services, build_id: int, actor: str, limits: FarmLimits) -> Build:
    """Cancel a build and tell whoever waits for it; gives the ended row. Its worker stops within seconds.

    Conflict where it has ended, or is being deployed.
    """
    with services.database.write() as tx:
        build = tx.builds.get(build_id)
        if build.state.ended:
            raise Conflict(f"build {build_id} has ended already: {build.state}")
        if not cancel_row(tx, build, f"cancelled by {actor}"):
            raise Conflict(
                f"build {build_id} is being deployed and can't be cancelled any more",
                hint=f"Undo its release once it is live: laambda rollback -a {build.scope}",
            )
        tx.audit.add(AuditEntry(tx.now, actor, "cancel", str(build.scope), f"Build {build_id}: {build.description}"))
        ended = tx.builds.get(build_id)
    close(services, build_id, last_words=f"Build {build_id} was cancelled by {actor}")
    dispatch(services, limits)
    return ended


def cancel_row(tx: Transaction, build: Build, reason: str) -> bool:
    """Cancel a row that has not begun to deploy, whether a worker holds it or not; False for one that has."""
    if build.phase is Phase.DEPLOYING:
        return False
    return end_held(tx, build, BuildState.CANCELLED, error=reason) or end_unheld(
        tx, build, BuildState.CANCELLED, error=reason
    )
