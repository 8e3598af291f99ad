"""Who may talk to the farm, and who did what. Tokens are kept as hashes only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from sqlalchemy import delete, insert, select

from laambda.domain.access import ApiToken, AuditEntry, SshKey
from laambda.errors import Conflict, NotFound
from laambda.store import schema
from laambda.store.session import Session


class AccessRows:
    """Rows of ``ssh_keys`` and ``api_tokens``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add_key(self, key: SshKey) -> None:
        if not self._session.insert_new(schema.ssh_keys, **asdict(key)):
            raise Conflict(f"the key {key.fingerprint} is known already", hint="`laambda keys` lists the keys")

    def remove_key(self, fingerprint: str) -> None:
        table = schema.ssh_keys
        if not self._session.changed(delete(table).where(table.c.fingerprint == fingerprint)):
            raise NotFound(f"there is no key {fingerprint}", hint="`laambda keys` lists the keys")

    def keys(self) -> Sequence[SshKey]:
        table = schema.ssh_keys
        rows = self._session.run(select(table).order_by(table.c.user, table.c.fingerprint))
        return [SshKey(**row) for row in rows.mappings()]

    def find_key(self, fingerprint: str) -> SshKey | None:
        table = schema.ssh_keys
        row = self._session.run(select(table).where(table.c.fingerprint == fingerprint)).mappings().first()
        return SshKey(**row) if row else None

    def add_token(self, token: ApiToken) -> None:
        """The same token twice is one: Conflict."""
        if not self._session.insert_new(schema.api_tokens, **asdict(token)):
            raise Conflict("the token is known already")

    def find_token(self, sha256: str) -> ApiToken | None:
        table = schema.api_tokens
        row = self._session.run(select(table).where(table.c.sha256 == sha256)).mappings().first()
        return ApiToken(**row) if row else None


class AuditRows:
    """Rows of ``audit``; they outlive what they tell of."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, entry: AuditEntry) -> None:
        self._session.run(insert(schema.audit).values(asdict(entry)))

    def recent(self, limit: int) -> Sequence[AuditEntry]:
        table = schema.audit
        columns = (table.c.at, table.c.actor, table.c.action, table.c.subject, table.c.detail)
        rows = self._session.run(select(*columns).order_by(table.c.id.desc()).limit(limit))
        return [AuditEntry(**row) for row in rows.mappings()]
