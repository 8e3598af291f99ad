"""A push, decided: which refs it moves, what is stored of it, and whether it makes a release.

What must stay true: source and pack are stored before there is a row that needs them; all refs of a push move in one
transaction or not at all; a push that is already being built is joined, never built twice, and never ended by who
joined it (refs that the build knows nothing of are checked first and move after it); and a client that goes away
changes nothing.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.requests import add
from laambda.domain.access import AuditEntry
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild
from laambda.domain.names import Scope
from laambda.domain.refs import ZERO, Pack, RefUpdate
from laambda.errors import Conflict, LaambdaError, PlatformError, Unavailable, UserError
from laambda.ports import ObjectStore, PushedObjects, Services, Transaction
from laambda.source.archive import Archives, archive_pack, with_source
from laambda.source.rules import PushOptions, check_together, deploy_ref, read_options
from laambda.source.wait import Tell, join, wait_for

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Push:
    """What git asks to do: ``updates`` in its order, ``options`` as given with ``git push -o``."""

    scope: Scope
    actor: str
    updates: tuple[RefUpdate, ...]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """What deciding a push needs. ``wait`` is the seconds that a build may stand in the queue before its push is
    rejected; ``workspace`` a folder for the archives of a push while they are stored."""

    services: Services
    limits: FarmLimits
    wait: float
    workspace: Path


@dataclass(frozen=True)
class Decision:
    """``accepted``: every ref of the push is where the push wanted it, but for the names in ``left``, which were only
    found to be taken when the release was live. ``pack`` is what was stored of the push."""

    accepted: bool
    pack: Pack | None = None
    left: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Case:
    """One push at the desk; ``folder`` is its own and goes with it."""

    push: Push
    options: PushOptions
    pushed: PushedObjects
    desk: Desk
    folder: Path
    tell: Tell

    @property
    def services(self) -> Services:
        return self.desk.services


@dataclass(frozen=True)
class _Place:
    """Where a push waits. ``cancels``: nobody but this push wants the build, so its patience is the build's. ``rest``
    are its refs that the build it joined knows nothing of."""

    build: Build
    cancels: bool = False
    rest: tuple[RefUpdate, ...] = ()


def decide(push: Push, pushed: PushedObjects, desk: Desk, tell: Tell) -> Decision:
    """Store the push, move its refs or build it, and tell the customer line by line.

    Raises UserError for what they can mend and PlatformError for what they can't; no ref has moved then.
    """
    options = read_options(push.options)
    deploy = deploy_ref(push.updates)
    for update in push.updates:
        if update.name.startswith("refs/heads/") and not update.deletes:
            pushed.commit(update.new)
    pushed.check_complete([update.new for update in push.updates if not update.deletes])
    desk.workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="push-", dir=desk.workspace) as folder:
        case = _Case(push, options, pushed, desk, Path(folder), tell)
        return _release(case, deploy) if deploy is not None else _keep(case)


def refusal(error: LaambdaError) -> Iterator[str]:
    """The lines that tell the customer why a push was refused."""
    if isinstance(error, UserError):
        yield f" !     {error.message}"
        if error.hint:
            yield f" !     {error.hint}"
    else:
        _log.error("push failed: %s", error, exc_info=None if isinstance(error, Unavailable) else error)
        yield f" !     laambda could not take the push: {error.message}"
        yield " !     Push again in a minute: what was accepted is not built twice"


def _keep(case: _Case) -> Decision:
    """Branches and tags that are not deployed: store them and move them."""
    push = case.push
    archives = archive_pack(push.scope, case.pushed, case.folder)
    with _stored(archives, case.services.objects), case.services.database.write() as tx:
        _move(tx, push, push.updates, archives.pack)
        names = ", ".join(update.short for update in push.updates)
        tx.audit.add(AuditEntry(tx.now, push.actor, "push", str(push.scope), names))
    if gone := [update.short for update in push.updates if update.deletes]:
        case.tell(f"-----> Deleted {', '.join(gone)}")
    if kept := [update.short for update in push.updates if not update.deletes]:
        case.tell(f"-----> Pushed to {', '.join(kept)}, skipping build: only main or master is deployed")
    return Decision(accepted=True, pack=archives.pack)


def _release(case: _Case, deploy: RefUpdate) -> Decision:
    """A deploy branch: build it, or join the build of the same push."""
    push = case.push
    with case.services.database.read() as tx:
        known = _known(tx, push, deploy)
    archives = archive_pack(push.scope, case.pushed, case.folder)
    place = _add(case, deploy, archives) if known is None else _join(case, known, archives)
    build = place.build
    if not (case.options.detach and _moved(case, deploy)):
        wait = wait_for if place.cancels else join
        ended = wait(build.id, case.services, case.tell, patience=case.desk.wait)
        if ended.state is not BuildState.SUCCEEDED and not _moved(case, deploy):
            case.tell(f" !     Push rejected: build {ended.id} {ended.state}")
            return Decision(accepted=False)
    else:
        case.tell(f"       Follow it with: laambda builds:output {build.id} -a {push.scope}")
    return Decision(accepted=True, pack=archives.pack, left=_move_rest(case, place.rest))


def _known(tx: Transaction, push: Push, deploy: RefUpdate) -> Build | None:
    """The build that this push joins: an unfinished one, or the ended one that left the ref where it is wanted.

    Conflict where the ref is neither where the push left it nor where it goes.
    """
    at = tx.refs.all(push.scope).get(deploy.name, ZERO)
    build = tx.builds.of_push(push.scope, deploy)
    if build is not None and (at == deploy.new or not build.state.ended):
        return build
    if at != deploy.old:
        where = f"moved to {at[:7]}" if at != ZERO else "does not exist any more"
        raise Conflict(f"{deploy.short} {where}, fetch first", hint="Run git fetch, merge, and push again")
    return None


def _join(case: _Case, build: Build, archives: Archives) -> _Place:
    """A place at the build of the same push. Refs that it does not move are checked, and their objects are stored,
    before the wait, so that what can be refused is refused in time."""
    with case.services.database.read() as tx:
        rest = _rest(tx, case.push, build)
    if rest:
        with _stored(archives, case.services.objects), case.services.database.write() as tx:
            tx.refs.check(case.push.scope, rest)
            _move(tx, case.push, (), archives.pack)
    case.tell(f"-----> Build {build.id} has this commit already")
    return _Place(build, rest=rest)


def _rest(tx: Transaction, push: Push, build: Build) -> tuple[RefUpdate, ...]:
    """Refs of a push that neither the build will move nor are there already; Conflict for one that the build will
    move to something else."""
    coming = () if build.detached or build.state.ended else build.refs
    names = {ref.name for ref in coming}
    rest = tuple(ref for ref in _absent(tx, push, push.updates) if not ref.deploys and ref not in coming)
    if taken := next((ref for ref in rest if ref.name in names), None):
        raise Conflict(f"{taken.short} is being pushed by build {build.id}", hint="Push it again when that has ended")
    return rest


def _absent(tx: Transaction, push: Push, updates: Sequence[RefUpdate]) -> tuple[RefUpdate, ...]:
    refs = tx.refs.all(push.scope)
    return tuple(ref for ref in updates if refs.get(ref.name, ZERO) != ref.new)


def _add(case: _Case, deploy: RefUpdate, archives: Archives) -> _Place:
    """Store source and pack, then make the row - unless the same push made one meanwhile."""
    push = case.push
    commit = case.pushed.commit(deploy.new)
    archives = with_source(archives, commit.tree, case.pushed, case.services.objects, case.folder)
    new = NewBuild(
        scope=push.scope,
        kind=BuildKind.PUSH,
        actor=push.actor,
        description=commit.description,
        commit=commit.oid,
        tree=commit.tree,
        source=archives.source,
        detached=case.options.detach,
        no_cache=case.options.no_cache,
        refs=push.updates,
    )
    with _stored(archives, case.services.objects), case.services.database.write() as tx:
        known = _known(tx, push, deploy)
        if known is None:
            ahead = [] if case.options.detach else _ahead(tx, push, deploy)
            _move(tx, push, push.updates if case.options.detach else (), archives.pack)
            build = add(tx, new)
    if known is not None:
        archives.discard(case.services.objects)
        return _join(case, known, archive_pack(push.scope, case.pushed, case.folder))
    case.tell(f"-----> Build {build.id} of {push.scope}: {commit.oid[:7]} {commit.subject}".rstrip())
    if ahead:
        case.tell(f"       Waiting for build {ahead[-1]}, which was pushed to {deploy.short} before")
    _ring(case.desk)
    return _Place(build, cancels=not build.detached)


@contextmanager
def _stored(archives: Archives, objects: ObjectStore) -> Iterator[None]:
    """Archives that the block's transaction names. Where it is refused for certain, no row ever names the pack; after
    an outage nobody knows, and the pack is kept."""
    archives.store(objects)
    try:
        yield
    except UserError:
        archives.discard(objects)
        raise


def _ahead(tx: Transaction, push: Push, deploy: RefUpdate) -> list[int]:
    """Builds that must end before a build of this push may begin: they would move the same ref."""
    rows = tx.builds.unfinished(push.scope)
    return [row.id for row in rows if not row.detached and any(ref.name == deploy.name for ref in row.refs)]


def _ring(desk: Desk) -> None:
    """Send what is ready. The row is there: if this fails, the scheduler sends it, and the push goes on."""
    try:
        dispatch(desk.services, desk.limits)
    except PlatformError as error:
        _log.warning("not dispatched: %s", error)


def _move(tx: Transaction, push: Push, updates: Sequence[RefUpdate], pack: Pack | None) -> None:
    """Move refs now, with the pack that holds their objects; those that a build will move are checked with them."""
    check_together(tx.refs.all(push.scope), push.updates)
    if pack is not None:
        tx.refs.add_pack(push.scope, pack)
    if updates:
        tx.refs.move(push.scope, updates)


def _move_rest(case: _Case, rest: Sequence[RefUpdate]) -> frozenset[str]:
    """Move the refs of a push that joined a build which did not know of them; gives the names of those that stay
    where they are. The release is live, so that is told and is no reason to reject the push."""
    try:
        if rest:
            with case.services.database.write() as tx:
                tx.refs.move(case.push.scope, _absent(tx, case.push, rest))
    except LaambdaError as error:
        for line in refusal(error):
            case.tell(line)
        return frozenset(ref.name for ref in rest)
    return frozenset()


def _moved(case: _Case, deploy: RefUpdate) -> bool:
    with case.services.database.read() as tx:
        return tx.refs.all(case.push.scope).get(deploy.name, ZERO) == deploy.new
