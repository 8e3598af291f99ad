"""Builds and their output."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from laambda.api.caller import Limit, ScopeOf, ServicesOf
from laambda.api.models import BuildModel
from laambda.api.streams import lines_response
from laambda.dispatch.follow import follow
from laambda.dispatch.history import build_by_id, newest_build, recent_builds

router = APIRouter(tags=["builds"])
BuildId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/apps/{app}/builds")
def builds(scope: ScopeOf, services: ServicesOf, limit: Limit = 15) -> list[BuildModel]:
    """The newest builds first."""
    return [BuildModel.of(build) for build in recent_builds(services, scope, limit=limit)]


@router.get("/apps/{app}/builds/newest")
def newest(scope: ScopeOf, services: ServicesOf) -> BuildModel:
    """The newest build."""
    return BuildModel.of(newest_build(services, scope))


@router.get("/builds/{build_id}")
def info(build_id: BuildId, services: ServicesOf) -> BuildModel:
    """One build."""
    return BuildModel.of(build_by_id(services, build_id))


@router.get(
    "/builds/{build_id}/output",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "Lines as they come; ends when the build has"}},
)
def output(build_id: BuildId, services: ServicesOf) -> StreamingResponse:
    """The build's lines from the first on, live."""
    build_by_id(services, build_id)
    return lines_response(follow(services, build_id))
