"""Builds and their output."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from laambda.api.caller import Actor, FarmOf, Limit, ScopeOf, ServicesOf
from laambda.api.models import BuildModel, RetryRequest
from laambda.api.streams import lines_response
from laambda.dispatch.cancel import cancel
from laambda.dispatch.follow import follow
from laambda.dispatch.history import build_by_id, newest_build, recent_builds
from laambda.dispatch.retry import newest_to_retry, retry

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


@router.post("/builds/{build_id}/cancel")
def stop(build_id: BuildId, farm: FarmOf, actor: Actor) -> BuildModel:
    """Cancel a build that has not begun to deploy."""
    return BuildModel.of(cancel(farm.services, build_id, actor, farm.limits))


@router.post("/builds/{build_id}/retry", status_code=202)
def again(build_id: BuildId, asked: RetryRequest, farm: FarmOf, actor: Actor) -> BuildModel:
    """Build the stored source of a build again: the new build."""
    return BuildModel.of(retry(farm.services, build_id, actor, farm.limits, no_cache=asked.no_cache))


@router.post("/apps/{app}/builds/retry", status_code=202)
def newest_again(scope: ScopeOf, asked: RetryRequest, farm: FarmOf, actor: Actor) -> BuildModel:
    """The same for the app's newest build that did not succeed."""
    return again(newest_to_retry(farm.services, scope), asked, farm, actor)


@router.get(
    "/builds/{build_id}/output",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/plain": {}}, "description": "Lines as they come; ends when the build has"}},
)
def output(build_id: BuildId, services: ServicesOf) -> StreamingResponse:
    """The build's lines from the first on, live."""
    build_by_id(services, build_id)
    return lines_response(follow(services, build_id))
