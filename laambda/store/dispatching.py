"""What the dispatcher asks of the rows, and what it notes: sent when, and which app's turn it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, func, or_, select, update

from laambda.domain.build import Build, BuildKind, BuildState, Phase, Step, phase_of
from laambda.domain.names import Scope
from laambda.store import schema
from laambda.store.builds import UNFINISHED, read_builds, refs_of
from laambda.store.session import Session
from laambda.store.turns import Waiting, next_turns, overtaken

_builds = schema.builds
_apps = schema.apps
_QUEUED = _builds.c.state == BuildState.QUEUED.value
_BUILDS = _builds.c.step.not_in([step.value for step in Step if phase_of(step) is Phase.DEPLOYING])
_DISPATCHER = 0x6C61616D
"""Key of PostgreSQL's advisory lock."""


class DispatchRows:
    """Unfinished rows, seen together."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def lock(self) -> bool:
        """On SQLite a writing transaction is alone already."""
        if self._session.connection.dialect.name != "postgresql":
            return True
        return bool(self._session.connection.scalar(select(func.pg_try_advisory_xact_lock(_DISPATCHER))))

    def ready(self, limit: int) -> Sequence[Build]:
        ids = next_turns(self._waiting(), limit)
        if not ids:
            return []
        builds = read_builds(self._session, select(_builds).where(_builds.c.id.in_(ids)))
        return sorted(builds, key=lambda build: ids.index(build.id))

    def in_flight(self) -> int:
        """A row whose lease expired occupies no worker until it is sent again."""
        leased = and_(~_QUEUED, _builds.c.lease_until > self._session.moment())
        query = select(func.count()).select_from(_builds).where(UNFINISHED, _BUILDS, or_(leased, self._sent()))
        return int(self._session.run(query).scalar_one())

    def mark_sent(self, build_id: int, *, resend_after: float) -> None:
        """The app's row first, as a deploy takes them: two transactions never wait for each other in a circle."""
        of_build = select(_builds.c.app, _builds.c.environment).where(_builds.c.id == build_id)
        row = self._session.run(of_build).first()
        if row is None:
            return
        app = and_(_apps.c.app == row.app, _apps.c.environment == row.environment)
        self._session.run(update(_apps).where(app).values(last_start=self._session.moment()))
        sent = update(_builds).where(_builds.c.id == build_id, UNFINISHED)
        self._session.run(sent.values(resend_at=self._session.moment(resend_after)))

    def forget_sent(self) -> None:
        self._session.run(update(_builds).where(UNFINISHED, self._sent()).values(resend_at=None))

    def exhausted(self, attempts: int) -> Sequence[Build]:
        used_up = and_(_builds.c.attempt >= attempts, ~_builds.c.published)
        expired = and_(~_QUEUED, _builds.c.lease_until <= self._session.moment())
        return read_builds(self._session, select(_builds).where(UNFINISHED, expired, used_up).order_by(_builds.c.id))

    def overtaken(self) -> Mapping[int, int]:
        return overtaken(self._waiting())

    def _sent(self) -> ColumnElement[bool]:
        return and_(_builds.c.resend_at.is_not(None), _builds.c.resend_at > self._session.moment())

    def _waiting(self) -> list[Waiting]:
        sent = self._sent()
        idle = or_(_QUEUED, _builds.c.lease_until <= self._session.moment())
        columns = (_builds.c.id, _builds.c.app, _builds.c.environment, _builds.c.kind, _builds.c.step)
        more = (_builds.c.phase, _builds.c.detached, idle.label("idle"), sent.label("sent"), _apps.c.last_start)
        own = and_(_apps.c.app == _builds.c.app, _apps.c.environment == _builds.c.environment)
        rows = self._session.run(select(*columns, *more).join(_apps, own).where(UNFINISHED)).all()
        refs = refs_of(self._session, [row.id for row in rows])
        return [
            Waiting(
                id=row.id,
                scope=Scope(row.app, row.environment),
                kind=BuildKind(row.kind),
                step=Step(row.step),
                phase=Phase(row.phase) if row.phase else None,
                detached=row.detached,
                idle=bool(row.idle),
                sent=bool(row.sent),
                refs=frozenset(ref.name for ref in refs[row.id]),
                last_start=row.last_start,
            )
            for row in rows
        ]
