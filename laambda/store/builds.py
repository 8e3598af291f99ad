"""Builds as records: inserted and read here. Only leases move them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, insert, select

from laambda.domain.build import Build, BuildKind, BuildState, NewBuild, Phase, Step, steps_of
from laambda.domain.names import Scope
from laambda.domain.refs import RefUpdate
from laambda.errors import NotFound
from laambda.store import schema
from laambda.store.apps import AppRows, within
from laambda.store.session import Session

_builds = schema.builds
_refs = schema.build_refs
UNFINISHED = _builds.c.state.in_([BuildState.QUEUED.value, BuildState.RUNNING.value])


class BuildRows:
    """Rows of ``builds`` with their ``build_refs``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, new: NewBuild) -> Build:
        """NotFound where there is no such app."""
        AppRows(self._session).get(new.scope)
        statement = insert(_builds).values(
            app=new.scope.app,
            environment=new.scope.environment,
            kind=new.kind.value,
            actor=new.actor,
            description=new.description,
            commit=new.commit,
            tree=new.tree,
            source=new.source,
            detached=new.detached,
            no_cache=new.no_cache,
            target_version=new.target_version,
            config_id=new.config_id,
            state=BuildState.QUEUED.value,
            step=steps_of(new.kind)[0].value,
            node="",
            error="",
            results={},
            timings={},
            created_at=self._session.moment(),
        )
        row = self._session.run(statement.returning(_builds)).one()
        if new.refs:
            rows = [{"build_id": row.id, "name": ref.name, "old": ref.old, "new": ref.new} for ref in new.refs]
            self._session.run(insert(_refs), rows)
        return build_of(row, new.refs)

    def get(self, build_id: int) -> Build:
        builds = read_builds(self._session, select(_builds).where(_builds.c.id == build_id))
        if not builds:
            raise NotFound(f"there is no build {build_id}", hint="`laambda builds` lists the builds")
        return builds[0]

    def recent(self, scope: Scope | None, limit: int) -> Sequence[Build]:
        query = select(_builds).order_by(_builds.c.id.desc()).limit(limit)
        return read_builds(self._session, query if scope is None else query.where(within(_builds, scope)))

    def of_push(self, scope: Scope, update: RefUpdate) -> Build | None:
        moves = and_(_refs.c.build_id == _builds.c.id, _refs.c.name == update.name, _refs.c.new == update.new)
        query = select(_builds).join(_refs, moves).where(within(_builds, scope))
        builds = read_builds(self._session, query.order_by(_builds.c.id.desc()).limit(1))
        return builds[0] if builds else None

    def unfinished(self, scope: Scope) -> Sequence[Build]:
        query = select(_builds).where(within(_builds, scope), UNFINISHED).order_by(_builds.c.id)
        return read_builds(self._session, query)

    def built(self, scope: Scope, tree: str, limit: int) -> Sequence[Build]:
        succeeded = and_(_builds.c.tree == tree, _builds.c.state == BuildState.SUCCEEDED.value)
        query = select(_builds).where(within(_builds, scope), succeeded).order_by(_builds.c.id.desc())
        return read_builds(self._session, query.limit(limit))


def read_builds(session: Session, query: Select[Any]) -> list[Build]:
    """The builds that a query on the table's columns finds, in its order, with their refs."""
    rows = session.run(query).all()
    refs = refs_of(session, [row.id for row in rows])
    return [build_of(row, refs[row.id]) for row in rows]


def refs_of(session: Session, build_ids: Sequence[int]) -> defaultdict[int, tuple[RefUpdate, ...]]:
    """What each build moves, by name."""
    found: defaultdict[int, tuple[RefUpdate, ...]] = defaultdict(tuple)
    if build_ids:
        query = select(_refs).where(_refs.c.build_id.in_(build_ids)).order_by(_refs.c.build_id, _refs.c.name)
        for row in session.run(query):
            found[row.build_id] += (RefUpdate(row.name, row.old, row.new),)
    return found


def build_of(row: Row[Any], refs: Iterable[RefUpdate]) -> Build:
    """The domain's value of a whole row of ``builds``."""
    return Build(
        scope=Scope(row.app, row.environment),
        kind=BuildKind(row.kind),
        actor=row.actor,
        description=row.description,
        commit=row.commit,
        tree=row.tree,
        source=row.source,
        detached=row.detached,
        no_cache=row.no_cache,
        target_version=row.target_version,
        config_id=row.config_id,
        refs=tuple(refs),
        id=row.id,
        state=BuildState(row.state),
        step=Step(row.step),
        phase=Phase(row.phase) if row.phase else None,
        attempt=row.attempt,
        token=row.token,
        node=row.node,
        lease_until=row.lease_until,
        link_started=row.link_started,
        version=row.version,
        snapshot_id=row.snapshot_id,
        published=row.published,
        error=row.error,
        results=row.results,
        timings=row.timings,
        created_at=row.created_at,
        claimed_at=row.claimed_at,
        ended_at=row.ended_at,
    )
