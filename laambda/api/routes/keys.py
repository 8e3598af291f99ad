"""SSH keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from laambda.access.keys import add_key, list_keys, remove_key
from laambda.api.caller import Actor, ServicesOf
from laambda.api.models import KeyModel, NewKey

router = APIRouter(prefix="/keys", tags=["keys"])


@router.get("")
def keys(services: ServicesOf) -> list[KeyModel]:
    """Every key that may push."""
    return [KeyModel.of(key) for key in list_keys(services)]


@router.post("", status_code=201)
def add(new: NewKey, services: ServicesOf, actor: Actor) -> KeyModel:
    """Let the holder of a key push."""
    return KeyModel.of(add_key(services, new.key, user=new.user or actor, actor=actor))


@router.delete("")
def remove(
    name: Annotated[str, Query(max_length=200, description="Fingerprint (SHA256:...) or comment")],
    services: ServicesOf,
    actor: Actor,
) -> KeyModel:
    """Remove a key. Its name is a query parameter: fingerprints hold slashes."""
    return KeyModel.of(remove_key(services, name, actor=actor))
