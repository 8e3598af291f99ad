"""The ASGI application, put together."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

from laambda.api import problems
from laambda.api.caller import Farm, authenticated
from laambda.api.limits import BodyLimit
from laambda.api.routes import apps, builds, config, functions, health, keys, releases

_NO_TELEMETRY: TelemetryConfig = {
    "auto_configure": False,
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
}
"""FastAPI's own would hand request bodies, and so config values, to whatever exporter the environment names."""


def make_app(farm: Farm) -> FastAPI:
    """The API over ``farm``. Everything under /v1 needs a token."""
    app = FastAPI(
        title="laambda",
        version=version("laambda"),
        description="git push to AWS Lambda. Errors are problem details (RFC 9457) with a `hint`.",
        docs_url="/docs",
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
    )
    app.state.farm = farm
    problems.install(app)
    app.add_middleware(BodyLimit)
    first = APIRouter(prefix="/v1", dependencies=[Depends(authenticated)], responses=problems.RESPONSES)
    for resource in (apps, keys, config, releases, builds, functions):
        first.include_router(resource.router)
    app.include_router(first)
    app.include_router(health.router)
    return app
