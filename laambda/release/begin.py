"""The start of a deploy: in one transaction the row takes vN, the config snapshot, its refs and its function names.

Configuration is read here, not at push. A second claim of the same row finds vN taken and goes on with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from laambda.config.bags import open_change, open_vars, seal_vars
from laambda.domain.app import App, Target
from laambda.domain.build import Build, BuildKind, BuildState
from laambda.domain.config import ConfigVars
from laambda.domain.refs import RefUpdate
from laambda.domain.release import Release, ReleaseState
from laambda.errors import LeaseLost, Unavailable
from laambda.ports import LinkContext, Transaction
from laambda.release.wanted import Shape, default_description, known_versions, retired, shape_of

_RACES = 5


class AnotherDeploys(LeaseLost):
    """The app's deploy phase is occupied, or its second look under way: the row was handed back, uncounted, and is sent
    again when it is free."""


class _Changed(Exception):
    """The app is not as it was read: read it again."""


@dataclass(frozen=True)
class Begun:
    """A deploy that holds its version; ``token`` is what it fences with. ``contested``: another's writes may still
    be under way, so fence first. ``known`` are published versions by function that hold what is wanted."""

    version: int
    token: int
    target: Target
    shape: Shape
    config: ConfigVars
    known: Mapping[str, str]
    retired: tuple[str, ...]
    contested: bool


@dataclass(frozen=True)
class _Facts:
    """What the rows say before the deploy begins. ``sealed`` is the config bag to start from, ``change`` the bag of a
    config change, ``pending`` our release where an earlier claim made it."""

    app: App
    target: Target
    live: Release | None
    restored: Release | None
    pending: Release | None
    config_id: int | None
    sealed: bytes | None
    change: bytes | None
    clean: bool


def begin(context: LinkContext) -> Begun:
    """Take the version, or find the one taken by an earlier claim.

    Raises Conflict where a ref moved meanwhile or a function name is another app's, LeaseLost where the row is no
    longer ours, AnotherDeploys (and the row is given back) while another row of the app does.
    """
    for _ in range(_RACES):
        facts = _read(context)
        shape = shape_of(context.build, facts.app, facts.target, facts.live, facts.restored)
        config, new_bag = _config(context, facts)
        try:
            release, token = _enter(context, facts, shape, new_bag)
        except _Changed:
            continue
        except AnotherDeploys as other:
            _hand_back(context, other)
            raise
        return Begun(
            version=release.version,
            token=token,
            target=facts.target,
            shape=shape,
            config=config,
            known=known_versions(shape, release.config_id, facts.live, facts.restored),
            retired=tuple(each.name for each in retired(shape, facts.live)),
            contested=facts.pending is not None or not facts.clean,
        )
    raise Unavailable(f"{context.build.scope} changed each time its deploy was about to start")


def refs_to_move(tx: Transaction, build: Build) -> Sequence[RefUpdate]:
    """The refs that the end of ``build`` shall move: a detached push moved its own, a retry's may be there already.

    Once its deploy has begun, the refs it reserved say so: whatever moves meanwhile changes nothing any more.
    """
    if build.detached:
        return ()
    if build.kind is BuildKind.RETRY:
        now = tx.refs.all(build.scope)
        return [update for update in build.refs if now.get(update.name) != update.new]
    return build.refs


def check_refs(context: LinkContext) -> None:
    """Raise Conflict where the end of the build could not move its refs any more: it is not worth building."""
    with context.services.database.read() as tx:
        tx.refs.check(context.build.scope, refs_to_move(tx, context.build))


def _read(context: LinkContext) -> _Facts:
    build = context.build
    with context.services.database.read() as tx:
        app = tx.apps.get(build.scope)
        restored = tx.releases.get(build.scope, build.target_version) if build.target_version else None
        pending = tx.releases.get(build.scope, build.version) if build.version else None
        config_id = app.config_id
        if pending is not None:
            config_id = pending.config_id
        elif build.kind is BuildKind.ROLLBACK and restored is not None:
            config_id = restored.config_id
        changes = build.kind is BuildKind.CONFIG and pending is None and build.config_id is not None
        return _Facts(
            app=app,
            target=tx.apps.environment(build.scope.environment).target,
            live=tx.releases.get(build.scope, app.live) if app.live else None,
            restored=restored,
            pending=pending,
            config_id=config_id,
            sealed=None if config_id is None else tx.config.get(config_id),
            change=tx.config.get(build.config_id) if changes and build.config_id is not None else None,
            clean=_ended_clean(tx, build),
        )


def _ended_clean(tx: Transaction, build: Build) -> bool:
    """Whether the app's last deploy was ended by the one worker that ran it, so that nothing of it is under way."""
    last = next(iter(tx.releases.recent(build.scope, 1)), None)
    if last is None:
        return False
    before = tx.builds.get(last.build_id)
    return before.state is BuildState.SUCCEEDED and bool(before.results.get("deploy", {}).get("clean"))


def _config(context: LinkContext, facts: _Facts) -> tuple[ConfigVars, bytes | None]:
    """The release's config vars, and the new bag that is to be kept where they are new. No transaction is open: the
    vault may ask a remote service."""
    vault, scope = context.services.vault, context.build.scope
    config = open_vars(vault, scope, facts.sealed) if facts.sealed is not None else ConfigVars()
    if facts.change is None:
        return config, None
    changed = config.changed(open_change(vault, scope, facts.change))
    return changed, seal_vars(vault, scope, changed)


def _enter(context: LinkContext, facts: _Facts, shape: Shape, new_bag: bytes | None) -> tuple[Release, int]:
    """The pending release and a token to fence with; _Changed where the app did since ``facts`` were read.

    Taking the version comes first: it locks the app's row, so that what is read after it is so until the commit.
    """
    build = context.build
    with context.services.database.write() as tx:
        if facts.pending is not None:
            return facts.pending, take_token(tx, context)
        version = tx.versions.take(build.scope)
        if tx.second_looks.under_way(build.scope):
            raise AnotherDeploys(f"what the deploy before left of {build.scope} is being cleaned up")
        app = tx.apps.get(build.scope)
        if (app.live, app.config_id) != (facts.app.live, facts.app.config_id):
            raise _Changed
        release = Release(
            scope=build.scope,
            version=version,
            state=ReleaseState.PENDING,
            kind=build.kind,
            build_id=build.id,
            description=default_description(build),
            actor=build.actor,
            created_at=tx.now,
            commit=shape.commit,
            tree=shape.tree,
            slug=shape.slug,
            config_id=facts.config_id if new_bag is None else tx.config.add(build.scope, new_bag),
        )
        if not tx.leases.enter_deploy(
            build.id, context.lease.token, version=release.version, config_id=release.config_id
        ):
            raise AnotherDeploys(f"another release of {build.scope} is being deployed")
        tx.apps.claim_functions(build.scope, [each.name for each in shape.functions])
        tx.refs.reserve(build.scope, refs_to_move(tx, build), build.id)
        tx.releases.add(release)
        return release, take_token(tx, context)


def take_token(tx: Transaction, context: LinkContext, *, above: int = 0) -> int:
    """A token to fence with, higher than that of any deploy before and than ``above``; LeaseLost where the row is no
    longer ours."""
    token = tx.leases.take_fence(context.build.id, context.lease.token, above=above)
    if token is None:
        raise LeaseLost(f"build {context.build.id} was taken over, or has ended")
    return token


def _hand_back(context: LinkContext, other: AnotherDeploys) -> None:
    """Harmless where the row is a newer claim's already."""
    context.recorder.detail(f"Waiting: {other.message}")
    with context.services.database.write() as tx:
        tx.leases.hand_back(context.build.id, context.lease.token, counted=False)
