"""Building again what was pushed before, from its stored source."""

from __future__ import annotations

from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.requests import enqueue
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild
from laambda.domain.names import Scope
from laambda.domain.refs import ZERO
from laambda.errors import Conflict, NotFound
from laambda.ports import Services, Transaction

_UNLUCKY = (BuildState.FAILED, BuildState.ERRORED, BuildState.CANCELLED)
_BUILT = (BuildKind.PUSH, BuildKind.RETRY)
_LOOKED_AT = 100


def retry(services: Services, build_id: int, actor: str, limits: FarmLimits, *, no_cache: bool = False) -> Build:
    """Queue a new row that builds the stored source of ``build_id``, and moves the refs of its push unless they
    are there already.

    Conflict where that build has no source, has not ended, or where a ref has moved on; NotFound where its source
    is gone.
    """
    with services.database.read() as tx:
        before = tx.builds.get(build_id)
        _check(tx, before)
    if not services.objects.exists(before.source):
        raise NotFound(
            f"the stored source of build {build_id} is gone",
            hint=f"Push its commit {before.commit[:7]} again",
        )
    new = NewBuild(
        scope=before.scope,
        kind=BuildKind.RETRY,
        actor=actor,
        description=before.description,
        commit=before.commit,
        tree=before.tree,
        source=before.source,
        no_cache=no_cache,
        refs=before.refs,
    )
    return enqueue(services, new, limits)


def newest_to_retry(services: Services, scope: Scope) -> int:
    """The app's newest build of a push that failed, was cancelled or met an error of ours; NotFound where none did."""
    with services.database.read() as tx:
        tx.apps.get(scope)
        for build in tx.builds.recent(scope, _LOOKED_AT):
            if build.kind in _BUILT and build.state in _UNLUCKY:
                return build.id
    raise NotFound(f"no build of {scope} has failed lately", hint=f"Name one of: laambda builds -a {scope}")


def _check(tx: Transaction, before: Build) -> None:
    if before.kind not in _BUILT:
        raise Conflict(
            f"build {before.id} is a {before.kind}, and nothing is built for one", hint="Ask for the same again"
        )
    if not before.state.ended:
        raise Conflict(
            f"build {before.id} has not ended yet", hint=f"Follow it with: laambda builds:output {before.id}"
        )
    now = tx.refs.all(before.scope)
    for ref in before.refs:
        at = now.get(ref.name, ZERO)
        if at not in (ref.old, ref.new):
            raise Conflict(
                f"{ref.short} has moved on from {before.commit[:7]}, the commit of build {before.id}, to {at[:7]}",
                hint="Push what you want to release",
            )
