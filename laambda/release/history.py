"""Looking at releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from laambda.domain.names import Scope
from laambda.domain.release import Release
from laambda.errors import Conflict
from laambda.ports import Services


@dataclass(frozen=True)
class History:
    """The newest releases first; ``live`` is the vN that serves, 0 for none."""

    live: int
    releases: Sequence[Release]


@dataclass(frozen=True)
class OneRelease:
    """A release, and the vN that serves."""

    live: int
    release: Release


def recent_releases(services: Services, scope: Scope, *, limit: int) -> History:
    """The newest ``limit`` releases of an app; NotFound where there is no such app."""
    with services.database.read() as tx:
        return History(tx.apps.get(scope).live, tx.releases.recent(scope, limit))


def one_release(services: Services, scope: Scope, version: int | None) -> OneRelease:
    """vN, or the live one for None; NotFound, or Conflict where nothing was released yet."""
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        if version is None and not app.live:
            raise Conflict(f"{scope} has no release yet", hint="git push laambda main")
        return OneRelease(app.live, tx.releases.get(scope, app.live if version is None else version))
