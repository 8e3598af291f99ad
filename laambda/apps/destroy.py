"""Destroying an app: its functions first, its rows last, so that a destroy cut short can be run again.

A deploy claims the names of its functions before it makes one; of these, the ones that carry the app's owner tag are
deleted. Stored slugs and packs are not touched here: they are content that other releases may share, and garbage
collection finds them unnamed.
"""

from __future__ import annotations

from laambda.domain.access import AuditEntry
from laambda.domain.app import Target
from laambda.domain.names import Scope
from laambda.errors import Conflict
from laambda.ports import Services, Transaction


def destroy_app(services: Services, scope: Scope, *, actor: str) -> tuple[str, ...]:
    """Delete the app's functions and all its rows; gives the names of the functions deleted.

    Raises NotFound where there is no app and Conflict while a build of it has not ended.
    """
    with services.database.read() as tx:
        _refuse_unfinished(tx, scope)
        names = tx.apps.functions(scope)
        target = tx.apps.environment(scope.environment).target
    deleted = tuple(name for name in names if _delete_owned(services, target, name, scope.owner_tag))
    with services.database.write() as tx:
        _refuse_unfinished(tx, scope)
        tx.apps.destroy(scope)
        tx.audit.add(AuditEntry(tx.now, actor, "apps:destroy", str(scope), " ".join(deleted)))
    return deleted


def _refuse_unfinished(tx: Transaction, scope: Scope) -> None:
    tx.apps.get(scope)
    for build in tx.builds.unfinished(scope):
        raise Conflict(
            f"build {build.id} of {scope} is {build.state}",
            hint=f"Wait for its end (laambda builds:output {build.id}) and destroy then",
        )


def _delete_owned(services: Services, target: Target, name: str, owner: str) -> bool:
    functions = services.cloud(target).functions
    live = functions.get(name)
    if live is None or live.owner != owner:
        return False
    functions.delete(name)
    return True
