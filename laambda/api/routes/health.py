"""Whether the API and its database answer; asked by load balancers, so without a token."""

from __future__ import annotations

from fastapi import APIRouter

from laambda.api.caller import ServicesOf
from laambda.api.models import HealthModel

router = APIRouter(tags=["health"])


@router.get("/health")
def health(services: ServicesOf) -> HealthModel:
    """``ok``, or 503 while the database is away."""
    with services.database.read() as tx:
        _ = tx.now
    return HealthModel(status="ok")
