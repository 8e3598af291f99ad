"""The record link: the release, its refs and the end of its row change in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from laambda.domain.build import Build, BuildKind, BuildState, Phase
from laambda.domain.release import Release, ReleaseState
from laambda.errors import LeaseLost, PlatformError
from laambda.ports import LinkContext, Transaction
from laambda.release.begin import refs_to_move
from laambda.release.published import Deployment


def record(context: LinkContext) -> Mapping[str, Any]:
    """End the row: vN is live, its refs have moved, the build has succeeded.

    Raises LeaseLost where the row is no longer ours; nothing has changed then.
    """
    deployment = Deployment.from_result(context.build.results["deploy"])
    context.lease.check()
    with context.services.database.write() as tx:
        _end(tx, context.build, context.lease.token, deployment)
    _tell(context, deployment)
    return {"version": deployment.version}


def keep(context: LinkContext, live: Release) -> bool:
    """End the row without a release, because ``live`` is what it would release: its refs move, and it has succeeded.

    False, and nothing has changed, where another release went live or is about to. Raises Conflict where a ref is
    elsewhere, LeaseLost where the row is no longer ours.
    """
    build = context.build
    context.lease.check()
    with context.services.database.write() as tx:
        # In this order: a release that ends between the two reads is seen by the second.
        others = [other for other in tx.builds.unfinished(build.scope) if other.id != build.id]
        about_to_change = any(other.phase is Phase.DEPLOYING or other.kind is BuildKind.ROLLBACK for other in others)
        if about_to_change or tx.apps.get(build.scope).live != live.version:
            return False
        tx.refs.move(build.scope, refs_to_move(tx, build), build_id=build.id)
        if not tx.leases.finish(build.id, context.lease.token, BuildState.SUCCEEDED):
            raise LeaseLost(f"build {build.id} was taken over before it ended")
    context.recorder.headline(f"No changes, v{live.version} stays live")
    return True


def fail(tx: Transaction, build: Build) -> None:
    """Mark the build's release, if its deploy had begun, as failed, and free the refs it holds.

    For the transaction that ends the row in any other way than success.
    """
    if build.version is not None and _release(tx, build).state is ReleaseState.PENDING:
        tx.releases.settle(build.scope, build.version, ReleaseState.FAILED)
        tx.second_looks.ask(build.scope)
    tx.refs.unreserve(build.id)


def _end(tx: Transaction, build: Build, token: int, deployment: Deployment) -> None:
    release = _release(tx, build)
    tx.releases.settle(
        build.scope,
        release.version,
        ReleaseState.SUCCEEDED,
        tuple(each.function for each in deployment.functions),
    )
    tx.versions.set_live(build.scope, release.version, release.config_id)
    reserved = tx.refs.reserved(build.id)
    tx.refs.move(build.scope, [update for update in build.refs if update.name in reserved], build_id=build.id)
    names = {each.name for each in deployment.functions}
    if not deployment.clean or not names.issuperset(tx.apps.functions(build.scope)):
        tx.second_looks.ask(build.scope)
    if not tx.leases.finish(build.id, token, BuildState.SUCCEEDED):
        raise LeaseLost(f"build {build.id} was taken over before its release was recorded")


def _release(tx: Transaction, build: Build) -> Release:
    if build.version is None:
        raise PlatformError(f"build {build.id} has no release to end")
    return tx.releases.get(build.scope, build.version)


def _tell(context: LinkContext, deployment: Deployment) -> None:
    context.recorder.headline(f"Released v{deployment.version}")
    for each in deployment.functions:
        context.recorder.detail(each.name)
    for name in deployment.retired:
        context.recorder.detail(
            f"{name} is not in this release any more: it keeps its versions, nothing new reaches it"
        )
