"""Releases: append-only but for the end of a pending one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from laambda.domain.build import BuildKind
from laambda.domain.function import Architecture, FunctionSettings
from laambda.domain.names import Scope
from laambda.domain.release import Release, ReleasedFunction, ReleaseState
from laambda.errors import Conflict, NotFound
from laambda.store import schema
from laambda.store.apps import within
from laambda.store.session import Session

_releases = schema.releases
_functions = schema.release_functions


class ReleaseRows:
    """Rows of ``releases`` with their ``release_functions``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, release: Release) -> None:
        """Conflict where the version is taken."""
        values = {
            "app": release.scope.app,
            "environment": release.scope.environment,
            "version": release.version,
            "state": release.state.value,
            "kind": release.kind.value,
            "build_id": release.build_id,
            "description": release.description,
            "actor": release.actor,
            "created_at": release.created_at,
            "commit": release.commit,
            "tree": release.tree,
            "slug": release.slug,
            "config_id": release.config_id,
        }
        if not self._session.insert_new(_releases, **values):
            raise Conflict(f"v{release.version} of {release.scope} exists already")
        self._add_functions(release.scope, release.version, release.functions)

    def settle(
        self, scope: Scope, version: int, state: ReleaseState, functions: Sequence[ReleasedFunction] = ()
    ) -> None:
        """NotFound where there is no pending vN: the end of a release is written once."""
        pending = _releases.c.state == ReleaseState.PENDING.value
        where = (within(_releases, scope), _releases.c.version == version, pending)
        if not self._session.changed(update(_releases).where(*where).values(state=state.value)):
            raise NotFound(f"{scope} has no pending v{version}")
        if functions:
            replaced = (within(_functions, scope), _functions.c.version == version)
            self._session.run(delete(_functions).where(*replaced))
        self._add_functions(scope, version, functions)

    def get(self, scope: Scope, version: int) -> Release:
        query = select(_releases).where(within(_releases, scope), _releases.c.version == version)
        found = self._read(scope, self._session.run(query).all())
        if not found:
            raise NotFound(f"{scope} has no v{version}", hint=f"`laambda releases -a {scope}` lists its releases")
        return found[0]

    def recent(self, scope: Scope, limit: int) -> Sequence[Release]:
        query = select(_releases).where(within(_releases, scope)).order_by(_releases.c.version.desc())
        return self._read(scope, self._session.run(query.limit(limit)).all())

    def _add_functions(self, scope: Scope, version: int, functions: Sequence[ReleasedFunction]) -> None:
        key = {"app": scope.app, "environment": scope.environment, "version": version}
        if functions:
            self._session.run(insert(_functions), [{**key, **asdict(function)} for function in functions])

    def _read(self, scope: Scope, rows: Sequence[Row[Any]]) -> list[Release]:
        functions: defaultdict[int, tuple[ReleasedFunction, ...]] = defaultdict(tuple)
        if rows:
            versions = _functions.c.version.in_([row.version for row in rows])
            query = select(_functions).where(within(_functions, scope), versions)
            for row in self._session.run(query.order_by(_functions.c.process)):
                functions[row.version] += (_function(row),)
        return [_release(row, functions[row.version]) for row in rows]


def _function(row: Row[Any]) -> ReleasedFunction:
    return ReleasedFunction(
        process=row.process,
        name=row.name,
        settings=_settings(row.settings),
        lambda_version=row.lambda_version,
        code_sha256=row.code_sha256,
    )


def _settings(kept: Mapping[str, Any]) -> FunctionSettings:
    typed = {
        "architecture": Architecture(kept["architecture"]),
        "subnets": tuple(kept["subnets"]),
        "security_groups": tuple(kept["security_groups"]),
    }
    return FunctionSettings(**{**kept, **typed})


def _release(row: Row[Any], functions: tuple[ReleasedFunction, ...]) -> Release:
    return Release(
        scope=Scope(row.app, row.environment),
        version=row.version,
        state=ReleaseState(row.state),
        kind=BuildKind(row.kind),
        build_id=row.build_id,
        description=row.description,
        actor=row.actor,
        created_at=row.created_at,
        commit=row.commit,
        tree=row.tree,
        slug=row.slug,
        config_id=row.config_id,
        functions=functions,
    )
