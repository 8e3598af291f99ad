"""Refs move by compare-and-set, all of a push or none.

A ref that does not exist has no row, or a row of all zeros that a build reserved. Refs are taken in the order of
their names, and after the app's row, so that two pushes never wait for each other in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from laambda.domain.names import Scope
from laambda.domain.refs import ZERO, Pack, RefUpdate, clash
from laambda.errors import Conflict
from laambda.store import schema
from laambda.store.apps import within
from laambda.store.session import Session

_refs = schema.refs


class RefRows:
    """Rows of ``refs`` and ``packs``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def all(self, scope: Scope) -> Mapping[str, str]:
        query = select(_refs.c.name, _refs.c.oid).where(within(_refs, scope), _refs.c.oid != ZERO)
        return {row.name: row.oid for row in self._session.run(query.order_by(_refs.c.name))}

    def move(self, scope: Scope, updates: Sequence[RefUpdate], *, build_id: int | None = None) -> None:
        with self._session.connection.begin_nested():
            self._check_folders(scope, updates)
            for ref in sorted(updates, key=lambda ref: ref.name):
                self._take(scope, ref, build_id, oid=ref.new, reserved_by=None)
            self._drop_absent(scope, [ref.name for ref in updates])

    def check(self, scope: Scope, updates: Sequence[RefUpdate]) -> None:
        now = self.all(scope)
        for ref in sorted(updates, key=lambda ref: ref.name):
            if now.get(ref.name, ZERO) != ref.old:
                raise self._elsewhere(scope, ref)

    def reserve(self, scope: Scope, updates: Sequence[RefUpdate], build_id: int) -> None:
        with self._session.connection.begin_nested():
            self._check_folders(scope, updates)
            for ref in sorted(updates, key=lambda ref: ref.name):
                self._take(scope, ref, build_id, oid=ref.old, reserved_by=build_id)

    def unreserve(self, build_id: int) -> None:
        mine = _refs.c.reserved_by == build_id
        self._session.run(delete(_refs).where(mine, _refs.c.oid == ZERO))
        self._session.run(update(_refs).where(mine).values(reserved_by=None))

    def reserved(self, build_id: int) -> frozenset[str]:
        return frozenset(self._session.run(select(_refs.c.name).where(_refs.c.reserved_by == build_id)).scalars())

    def add_pack(self, scope: Scope, pack: Pack) -> None:
        values = {"app": scope.app, "environment": scope.environment, "key": pack.key}
        self._session.insert_new(schema.packs, **values, sha256=pack.sha256, size=pack.size)

    def packs(self, scope: Scope) -> Sequence[Pack]:
        table = schema.packs
        query = select(table.c.key, table.c.sha256, table.c.size).where(within(table, scope))
        return [Pack(**row) for row in self._session.run(query.order_by(table.c.id)).mappings()]

    def replace_packs(self, scope: Scope, old: Sequence[Pack], new: Pack) -> bool:
        table = schema.packs
        named = table.c.key.in_([pack.key for pack in old])
        with self._session.connection.begin_nested() as point:
            if self._session.run(delete(table).where(within(table, scope), named)).rowcount != len(old):
                point.rollback()
                return False
            self.add_pack(scope, new)
        return True

    def _check_folders(self, scope: Scope, updates: Sequence[RefUpdate]) -> None:
        """Conflict where a new ref would be the folder of another, or lie under one; reserved names count. The app's
        row is locked first: neither of two transactions at once would see the other's new ref."""
        if not any(ref.old == ZERO for ref in updates):
            return
        self._session.run(select(schema.apps.c.app).where(within(schema.apps, scope)).with_for_update())
        names = self._session.run(select(_refs.c.name).where(within(_refs, scope))).scalars().all()
        if found := clash(names, updates):
            raise Conflict(f"{found[0]} and {found[1]} can't both exist", hint="Rename one of them, and push again")

    def _take(self, scope: Scope, ref: RefUpdate, build_id: int | None, **values: Any) -> None:
        """Write ``values`` if the ref is where the update expects it and free for ``build_id``."""
        free: ColumnElement[bool] = _refs.c.reserved_by.is_(None)
        if build_id is not None:
            free = or_(free, _refs.c.reserved_by == build_id)
        expected = and_(_named(scope, ref.name), _refs.c.oid == ref.old, free)
        if self._session.changed(update(_refs).where(expected).values(**values)):
            return
        if ref.old == ZERO and self._create(scope, ref, values):
            return
        raise self._elsewhere(scope, ref)

    def _create(self, scope: Scope, ref: RefUpdate, values: Mapping[str, Any]) -> bool:
        key = {"app": scope.app, "environment": scope.environment, "name": ref.name}
        return self._session.insert_new(_refs, **key, **values)

    def _elsewhere(self, scope: Scope, ref: RefUpdate) -> Conflict:
        row = self._session.run(select(_refs.c.oid, _refs.c.reserved_by).where(_named(scope, ref.name))).first()
        oid = row.oid if row else ZERO
        if row is not None and oid == ref.old:
            return Conflict(f"{ref.short} is being released by build {row.reserved_by}")
        if oid == ZERO:
            return Conflict(f"{ref.short} was deleted, fetch first")
        if ref.old == ZERO:
            return Conflict(f"{ref.short} exists already at {oid[:7]}, fetch first")
        return Conflict(f"{ref.short} moved to {oid[:7]}, fetch first")

    def _drop_absent(self, scope: Scope, names: Sequence[str]) -> None:
        gone = and_(_refs.c.name.in_(names), _refs.c.oid == ZERO, _refs.c.reserved_by.is_(None))
        self._session.run(delete(_refs).where(within(_refs, scope), gone))


def _named(scope: Scope, name: str) -> ColumnElement[bool]:
    return and_(within(_refs, scope), _refs.c.name == name)
