"""A push, decided: which refs it moves, what is stored of it, and whether it makes a release.

What must stay true: source and pack are stored before there is a row that needs them; all refs of a push move in one
transaction or not at all; a push that is already being built is joined, never built twice; and a client that goes
away changes nothing.
"""

from __future__ import annotations

import hashlib
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.ending import close, end_unheld
from laambda.dispatch.follow import current, follow
from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.requests import add
from laambda.domain.access import AuditEntry
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild
from laambda.domain.names import Scope
from laambda.domain.refs import ZERO, Pack, RefUpdate
from laambda.errors import Conflict, LaambdaError, PlatformError, Unavailable, UserError
from laambda.ports import PushedObjects, Services, Transaction
from laambda.source.rules import PushOptions, check_together, deploy_ref, read_options

_log = logging.getLogger(__name__)

Tell = Callable[[str], None]


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
    """``accepted``: every ref of the push is where the push wanted it. ``pack`` is what was stored of it."""

    accepted: bool
    pack: Pack | None = None


def decide(push: Push, pushed: PushedObjects, desk: Desk, tell: Tell) -> Decision:
    """Store the push, move its refs or build it, and tell the customer line by line.

    Raises UserError for what they can mend and PlatformError for what they can't; no ref has moved then.
    """
    options = read_options(push.options)
    deploy = deploy_ref(push.updates)
    for update in push.updates:
        if update.name.startswith("refs/heads/") and not update.deletes:
            pushed.commit(update.new)
    desk.workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="push-", dir=desk.workspace) as folder:
        if deploy is None:
            return _store(push, pushed, desk, Path(folder), tell)
        return _release(push, deploy, options, pushed, desk, Path(folder), tell)


def _store(push: Push, pushed: PushedObjects, desk: Desk, folder: Path, tell: Tell) -> Decision:
    """Branches and tags that are not deployed: keep them."""
    pack = _keep_pack(push.scope, pushed, desk.services, folder)
    with desk.services.database.write() as tx:
        check_together(tx.refs.all(push.scope), push.updates)
        _move(tx, push, push.updates, pack)
        names = ", ".join(update.short for update in push.updates)
        tx.audit.add(AuditEntry(tx.now, push.actor, "push", str(push.scope), names))
    if gone := [update.short for update in push.updates if update.deletes]:
        tell(f"-----> Deleted {', '.join(gone)}")
    if kept := [update.short for update in push.updates if not update.deletes]:
        tell(f"-----> Pushed to {', '.join(kept)}, skipping build: only main or master is deployed")
    return Decision(accepted=True, pack=pack)


def _release(
    push: Push,
    deploy: RefUpdate,
    options: PushOptions,
    pushed: PushedObjects,
    desk: Desk,
    folder: Path,
    tell: Tell,
) -> Decision:
    """A deploy branch: build it, or join the build of the same push."""
    services = desk.services
    with services.database.read() as tx:
        build = _known(tx, push, deploy)
    pack = None
    if build is None or len(push.updates) > 1:
        pack = _keep_pack(push.scope, pushed, services, folder)
    if build is None:
        build = _add(push, deploy, options, pushed, desk, pack, folder, tell)
    else:
        tell(f"-----> Build {build.id} has this commit already")
    if options.detach and _moved(services, push, deploy):
        tell(f"       Follow it with: laambda builds:output {build.id} -a {push.scope}")
        return Decision(accepted=True, pack=pack)
    ended = _follow(build, desk, tell)
    if ended.state is not BuildState.SUCCEEDED and not _moved(services, push, deploy):
        tell(f" !     Push rejected: build {ended.id} {ended.state}")
        return Decision(accepted=False)
    _move_rest(push, ended, pack, services)
    return Decision(accepted=True, pack=pack)


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


def _add(
    push: Push,
    deploy: RefUpdate,
    options: PushOptions,
    pushed: PushedObjects,
    desk: Desk,
    pack: Pack | None,
    folder: Path,
    tell: Tell,
) -> Build:
    """Store the source, then make the row - unless the same push made one meanwhile."""
    services = desk.services
    commit = pushed.commit(deploy.new)
    new = NewBuild(
        scope=push.scope,
        kind=BuildKind.PUSH,
        actor=push.actor,
        description=commit.description,
        commit=commit.oid,
        tree=commit.tree,
        source=_keep_source(commit.tree, pushed, services, folder),
        detached=options.detach,
        no_cache=options.no_cache,
        refs=push.updates,
    )
    with services.database.write() as tx:
        if (known := _known(tx, push, deploy)) is not None:
            return known
        check_together(tx.refs.all(push.scope), push.updates)
        ahead = [b.id for b in tx.builds.unfinished(push.scope) if any(r.name == deploy.name for r in b.refs)]
        if options.detach:
            _move(tx, push, push.updates, pack)
        elif pack is not None:
            tx.refs.add_pack(push.scope, pack)
        build = add(tx, new)
    tell(f"-----> Build {build.id} of {push.scope}: {commit.oid[:7]} {commit.subject}".rstrip())
    if ahead:
        tell(f"       Waiting for build {ahead[-1]}, which was pushed to {deploy.short} before")
    _ring(desk)
    return build


def _ring(desk: Desk) -> None:
    """Send what is ready. The row is there: if this fails, the scheduler sends it, and the push goes on."""
    try:
        dispatch(desk.services, desk.limits)
    except PlatformError as error:
        _log.warning("not dispatched: %s", error)


def _keep_source(tree: str, pushed: PushedObjects, services: Services, folder: Path) -> str:
    """Store the tree's tar under its id, which says all about its content: once is enough."""
    key = f"sources/{tree}.tar"
    if not services.objects.exists(key):
        pushed.write_source(tree, folder / "source.tar")
        services.objects.put(key, folder / "source.tar")
    return key


def _keep_pack(scope: Scope, pushed: PushedObjects, services: Services, folder: Path) -> Pack | None:
    """Store the push's pack under its digest; None where the push brought no objects."""
    archive = folder / "pack.tar"
    if not pushed.new_pack(archive):
        return None
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    pack = Pack(f"packs/{scope.app}/{scope.environment}/{digest}.tar", digest, archive.stat().st_size)
    services.objects.put(pack.key, archive)
    return pack


def _move(tx: Transaction, push: Push, updates: Sequence[RefUpdate], pack: Pack | None) -> None:
    if pack is not None:
        tx.refs.add_pack(push.scope, pack)
    tx.refs.move(push.scope, updates)


def _move_rest(push: Push, build: Build, pack: Pack | None, services: Services) -> None:
    """Refs of a push that joined a build which did not know of them."""
    rest = [update for update in push.updates if update not in build.refs and not update.deploys]
    if rest:
        with services.database.write() as tx:
            check_together(tx.refs.all(push.scope), rest)
            _move(tx, push, rest, pack)


def _moved(services: Services, push: Push, deploy: RefUpdate) -> bool:
    with services.database.read() as tx:
        return tx.refs.all(push.scope).get(deploy.name, ZERO) == deploy.new


def _follow(build: Build, desk: Desk, tell: Tell) -> Build:
    """Tell the build's lines until it has ended; an outage of the database only pauses them."""
    told = 0
    warned = False
    with _patience(build.id, desk):
        while True:
            try:
                for line in islice(follow(desk.services, build.id), told, None):
                    told += 1
                    warned = warned or line.startswith(" !     ")
                    tell(line)
                ended = current(desk.services, build.id)
            except Unavailable as error:
                _log.warning("following build %d: %s", build.id, error)
                time.sleep(1)
                continue
            if ended.state.ended:
                break
    if ended.error and not warned:
        tell(f" !     {ended.error}")
    return ended


@contextmanager
def _patience(build_id: int, desk: Desk) -> Iterator[None]:
    """While the block runs: cancel the build if it is still queued after ``desk.wait`` seconds."""
    timer = threading.Timer(desk.wait, _give_up, args=(build_id, desk))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(build_id: int, desk: Desk) -> None:
    try:
        with desk.services.database.write() as tx:
            build = tx.builds.get(build_id)
            reason = f"still queued as build {build_id} after {desk.wait / 60:.0f} minutes"
            if build.state is not BuildState.QUEUED or not end_unheld(tx, build, BuildState.CANCELLED, error=reason):
                return
        close(desk.services, build_id)
    except LaambdaError as error:
        _log.warning("build %d not cancelled: %s", build_id, error)


def refusal(error: LaambdaError) -> Iterator[str]:
    """The lines that tell the customer why a push was refused."""
    if isinstance(error, UserError):
        yield f" !     {error.message}"
        if error.hint:
            yield f" !     {error.hint}"
    else:
        _log.error("push failed: %s", error, exc_info=error)
        yield f" !     laambda could not take the push: {error.message}"
        yield " !     Push again in a minute: what was accepted is not built twice"
