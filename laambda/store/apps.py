"""Apps, their environments, counters and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, and_, delete, select, update

from laambda.domain.app import App, Environment, Target
from laambda.domain.names import DEFAULT_ENVIRONMENT, Scope
from laambda.errors import Conflict, NotFound
from laambda.store import schema
from laambda.store.session import Session


def within(table: Table, scope: Scope) -> ColumnElement[bool]:
    """The condition that a row of ``table`` belongs to ``scope``."""
    return and_(table.c.app == scope.app, table.c.environment == scope.environment)


def no_app(scope: Scope) -> NotFound:
    return NotFound(f"there is no app {scope}", hint="`laambda apps` lists the apps")


class AppRows:
    """Rows of ``apps``, ``environments`` and ``functions``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, app: App) -> None:
        self.environment(app.scope.environment)
        added = self._session.insert_new(
            schema.apps,
            app=app.scope.app,
            environment=app.scope.environment,
            role=app.role,
            version=app.version,
            live=app.live,
            config_id=app.config_id,
            created_at=app.created_at,
            created_by=app.created_by,
        )
        if not added:
            raise Conflict(f"the app {app.scope} exists already", hint="Choose another name")

    def get(self, scope: Scope) -> App:
        row = self._session.run(select(schema.apps).where(within(schema.apps, scope))).first()
        if row is None:
            raise no_app(scope)
        return _app(row)

    def all(self) -> Sequence[App]:
        order = (schema.apps.c.app, schema.apps.c.environment)
        return [_app(row) for row in self._session.run(select(schema.apps).order_by(*order))]

    def destroy(self, scope: Scope) -> None:
        """Rows under the app go by their foreign keys."""
        if not self._session.changed(delete(schema.apps).where(within(schema.apps, scope))):
            raise no_app(scope)

    def environment(self, name: str) -> Environment:
        rows = self._session.run(select(schema.environments).where(schema.environments.c.name == name))
        row = rows.first()
        if row is None:
            raise NotFound(f"there is no environment {name}", hint=f"There is only {DEFAULT_ENVIRONMENT} so far")
        target = Target(
            account=row.account,
            region=row.region,
            deploy_role=row.deploy_role,
            subnets=tuple(row.subnets),
            security_groups=tuple(row.security_groups),
        )
        return Environment(row.name, target)

    def claim_functions(self, scope: Scope, names: Sequence[str]) -> None:
        target = self.environment(scope.environment).target
        for name in sorted(set(names)):
            self._claim_function(scope, target, name)

    def functions(self, scope: Scope) -> Sequence[str]:
        table = schema.functions
        return (
            self._session.run(select(table.c.name).where(within(table, scope)).order_by(table.c.name)).scalars().all()
        )

    def release_functions(self, scope: Scope, names: Sequence[str]) -> None:
        table = schema.functions
        if names:
            self._session.run(delete(table).where(within(table, scope), table.c.name.in_(names)))

    def _claim_function(self, scope: Scope, target: Target, name: str) -> None:
        table = schema.functions
        key = {"account": target.account, "region": target.region, "name": name}
        if self._session.insert_new(table, **key, app=scope.app, environment=scope.environment):
            return
        here = and_(*(table.c[column] == value for column, value in key.items()))
        row = self._session.run(select(table.c.app, table.c.environment).where(here)).one()
        owner = Scope(row.app, row.environment)
        if owner != scope:
            raise Conflict(
                f"the function name {name} belongs to the app {owner}",
                hint="Rename the process in the Procfile",
            )


class VersionRows:
    """The counters and pointers in ``apps``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, scope: Scope) -> int:
        grown = schema.apps.c.version + 1
        return int(self._set(scope, version=grown).version)

    def set_live(self, scope: Scope, version: int, config_id: int | None) -> None:
        self._set(scope, live=version, config_id=config_id)

    def set_config(self, scope: Scope, config_id: int | None, *, old: int | None) -> bool:
        apps = schema.apps
        unchanged = and_(within(apps, scope), apps.c.live == 0, apps.c.config_id.is_not_distinct_from(old))
        return self._session.changed(update(apps).where(unchanged).values(config_id=config_id))

    def _set(self, scope: Scope, **values: Any) -> Row[Any]:
        table = schema.apps
        statement = update(table).where(within(table, scope)).values(**values).returning(table.c.version)
        row = self._session.run(statement).first()
        if row is None:
            raise no_app(scope)
        return row


def _app(row: Row[Any]) -> App:
    return App(
        scope=Scope(row.app, row.environment),
        role=row.role,
        created_at=row.created_at,
        created_by=row.created_by,
        version=row.version,
        live=row.live,
        config_id=row.config_id,
    )
