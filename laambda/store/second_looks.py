"""Apps whose cloud is looked at once more, and who does it now.

An app's row is locked before its second look is taken or its deploy begins, and both look for the other after it:
one of the two waits for the other.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, delete, or_, select, update

from laambda.domain.build import BuildState
from laambda.domain.names import Scope
from laambda.domain.release import SecondLook
from laambda.store import schema
from laambda.store.apps import within
from laambda.store.leases import next_token
from laambda.store.session import Session

_looks = schema.second_looks
_AT_ONCE = 50


class SecondLookRows:
    """Rows of ``second_looks``: one an app."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, scope: Scope) -> None:
        now = self._session.now()
        if not self._session.insert_new(_looks, app=scope.app, environment=scope.environment, asked_at=now):
            self._session.run(update(_looks).where(within(_looks, scope)).values(asked_at=now))

    def take(self, *, after: float, hold: float) -> SecondLook | None:
        due = and_(_looks.c.asked_at <= self._session.moment(-after), self._free())
        oldest = select(_looks.c.app, _looks.c.environment).where(due).order_by(_looks.c.asked_at).limit(_AT_ONCE)
        for row in self._session.run(oldest).all():
            scope = Scope(row.app, row.environment)
            if not self._lock(scope) or self._deploys(scope):
                continue
            token = next_token(self._session)
            held = {"held_until": self._session.moment(hold), "token": token}
            if self._session.changed(update(_looks).where(within(_looks, scope), due).values(**held)):
                return SecondLook(scope, token)
        return None

    def under_way(self, scope: Scope) -> bool:
        query = select(_looks.c.app).where(within(_looks, scope), ~self._free())
        return self._session.run(query).first() is not None

    def done(self, look: SecondLook) -> bool:
        return self._session.changed(delete(_looks).where(_mine(look)))

    def put_off(self, look: SecondLook) -> None:
        later = {"held_until": None, "asked_at": self._session.now()}
        self._session.run(update(_looks).where(_mine(look)).values(**later))

    def _free(self) -> ColumnElement[bool]:
        return or_(_looks.c.held_until.is_(None), _looks.c.held_until <= self._session.moment())

    def _lock(self, scope: Scope) -> bool:
        """False where somebody else changes the app right now: it is looked at in another round."""
        app = select(schema.apps.c.app).where(within(schema.apps, scope)).with_for_update(skip_locked=True)
        return self._session.run(app).first() is not None

    def _deploys(self, scope: Scope) -> bool:
        builds = schema.builds
        begun = and_(builds.c.state == BuildState.RUNNING.value, builds.c.version.is_not(None))
        return self._session.run(select(builds.c.id).where(within(builds, scope), begun).limit(1)).first() is not None


def _mine(look: SecondLook) -> ColumnElement[bool]:
    return and_(within(_looks, look.scope), _looks.c.token == look.token)
