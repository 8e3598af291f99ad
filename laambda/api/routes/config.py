"""Config vars. The values go to whoever holds a token, as the app's functions get them; each look is audited."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Response

from laambda.api.caller import Actor, FarmOf, ScopeOf, ServicesOf
from laambda.api.models import BuildModel, ConfigChanged, ConfigPatch
from laambda.config.read import read_config
from laambda.dispatch.requests import change_config
from laambda.domain.config import ConfigChange

router = APIRouter(prefix="/apps/{app}/config", tags=["config"])


@router.get("")
def config(scope: ScopeOf, services: ServicesOf, actor: Actor, response: Response) -> dict[str, str]:
    """The config vars in force."""
    response.headers["Cache-Control"] = "no-store"
    return dict(read_config(services, scope, actor=actor))


@router.patch("", status_code=202)
def change(
    patch: Annotated[ConfigPatch, Body(max_length=1000)], scope: ScopeOf, farm: FarmOf, actor: Actor
) -> ConfigChanged:
    """Set (a value) and unset (null) config vars: a release, or at once where nothing is live yet."""
    values = {name: value for name, value in patch.items() if value is not None}
    unset = tuple(name for name, value in patch.items() if value is None)
    return _changed(farm, scope, ConfigChange(values=values, unset=unset), actor)


@router.delete("", status_code=202)
def clear(scope: ScopeOf, farm: FarmOf, actor: Actor) -> ConfigChanged:
    """Unset all of them."""
    return _changed(farm, scope, ConfigChange(clear=True), actor)


def _changed(farm: FarmOf, scope: ScopeOf, asked: ConfigChange, actor: str) -> ConfigChanged:
    build = change_config(farm.services, scope, asked, actor, farm.limits)
    return ConfigChanged(build=BuildModel.of(build) if build else None)
