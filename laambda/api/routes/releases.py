"""Releases, and going back to one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from laambda.api.caller import Actor, FarmOf, Limit, ScopeOf, ServicesOf
from laambda.api.models import LAST_VERSION, BuildModel, ReleaseModel, RollbackPreview, RollbackRequest
from laambda.dispatch.preview import preview_rollback
from laambda.dispatch.requests import roll_back
from laambda.release.history import one_release, recent_releases

router = APIRouter(prefix="/apps/{app}", tags=["releases"])


@router.get("/releases")
def releases(scope: ScopeOf, services: ServicesOf, limit: Limit = 15) -> list[ReleaseModel]:
    """The newest releases first."""
    history = recent_releases(services, scope, limit=limit)
    return [ReleaseModel.of(release, history.live) for release in history.releases]


@router.get("/releases/current")
def current(scope: ScopeOf, services: ServicesOf) -> ReleaseModel:
    """The release that serves."""
    return _rendered(services, scope, None)


@router.get("/releases/{version}")
def release(version: Annotated[int, Path(ge=1, le=LAST_VERSION)], scope: ScopeOf, services: ServicesOf) -> ReleaseModel:
    """vN."""
    return _rendered(services, scope, version)


@router.get("/rollback")
def preview(
    scope: ScopeOf,
    services: ServicesOf,
    version: Annotated[int | None, Query(ge=1, le=LAST_VERSION)] = None,
) -> RollbackPreview:
    """What the rollback would change."""
    return RollbackPreview.of(preview_rollback(services, scope, version))


@router.post("/rollback", status_code=202)
def rollback(asked: RollbackRequest, scope: ScopeOf, farm: FarmOf, actor: Actor) -> BuildModel:
    """Bring an earlier release back, code and config vars: the build that does it."""
    return BuildModel.of(roll_back(farm.services, scope, asked.version, actor, farm.limits))


def _rendered(services: ServicesOf, scope: ScopeOf, version: int | None) -> ReleaseModel:
    found = one_release(services, scope, version)
    return ReleaseModel.of(found.release, found.live)
