"""Looking at builds."""

from __future__ import annotations

from collections.abc import Sequence

from laambda.domain.build import Build
from laambda.domain.names import Scope
from laambda.errors import NotFound
from laambda.ports import Services


def recent_builds(services: Services, scope: Scope, *, limit: int) -> Sequence[Build]:
    """The newest ``limit`` builds of an app, newest first; NotFound where there is no such app."""
    with services.database.read() as tx:
        tx.apps.get(scope)
        return tx.builds.recent(scope, limit)


def newest_build(services: Services, scope: Scope) -> Build:
    """The app's newest build; NotFound where it has none."""
    for build in recent_builds(services, scope, limit=1):
        return build
    raise NotFound(f"{scope} has no build yet", hint="git push laambda main")


def build_by_id(services: Services, build_id: int) -> Build:
    """One build; NotFound where there is none."""
    with services.database.read() as tx:
        return tx.builds.get(build_id)
