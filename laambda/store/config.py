"""Sealed config bags: bytes that this package can't read."""

from __future__ import annotations

from sqlalchemy import insert, select

from laambda.domain.names import Scope
from laambda.errors import NotFound
from laambda.store import schema
from laambda.store.session import Session


class ConfigBagRows:
    """Rows of ``config_bags``, append-only."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, scope: Scope, sealed: bytes) -> int:
        table = schema.config_bags
        values = {"app": scope.app, "environment": scope.environment, "sealed": sealed}
        return int(self._session.run(insert(table).values(values).returning(table.c.id)).scalar_one())

    def get(self, config_id: int) -> bytes:
        table = schema.config_bags
        sealed = self._session.run(select(table.c.sealed).where(table.c.id == config_id)).scalar()
        if sealed is None:
            raise NotFound(f"there is no config bag {config_id}")
        return bytes(sealed)
