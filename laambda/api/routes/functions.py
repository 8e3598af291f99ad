"""Running functions, and reading what they wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from laambda.api.caller import Actor, ScopeOf, ServicesOf
from laambda.api.models import InvocationModel, LogLineModel
from laambda.apps.invoke import invoke
from laambda.logs.read import LINES_LIMIT, lines_since, recent_lines

router = APIRouter(prefix="/apps/{app}", tags=["functions"])


async def _event(request: Request) -> bytes:
    """The body as it came: it is the function's business."""
    return await request.body()


_EVENT = {"requestBody": {"content": {"application/json": {"schema": {}}}, "description": "The event; {} if empty"}}


@router.post("/functions/{process}/invoke", openapi_extra=_EVENT)
def invoke_function(
    process: str,
    event: Annotated[bytes, Depends(_event)],
    scope: ScopeOf,
    services: ServicesOf,
    _: Actor,
) -> InvocationModel:
    """Call the live function of a process with the body as its event, and wait for the answer."""
    return InvocationModel.of(invoke(services, scope, process, event))


@router.get("/logs")
def logs(
    scope: ScopeOf,
    services: ServicesOf,
    limit: Annotated[int, Query(ge=1, le=LINES_LIMIT)] = 100,
    process: Annotated[str | None, Query(max_length=64)] = None,
    since: Annotated[datetime | None, Query(description="From here on, instead of the last lines")] = None,
) -> list[LogLineModel]:
    """Lines of all functions by time: the last ones, or those from ``since`` on."""
    if since is None:
        lines = recent_lines(services, scope, limit=limit, process=process, now=datetime.now(UTC))
    else:
        moment = since if since.tzinfo else since.replace(tzinfo=UTC)
        lines = lines_since(services, scope, since=moment, limit=limit, process=process)
    return [LogLineModel.of(line) for line in lines]
