"""Apps."""

from __future__ import annotations

from fastapi import APIRouter

from laambda.api.caller import Actor, FarmOf, ScopeOf, ServicesOf
from laambda.api.models import AppDetail, AppModel, Destroyed, NewApp
from laambda.apps.create import create_app
from laambda.apps.destroy import destroy_app
from laambda.apps.read import app_info, list_apps
from laambda.domain.names import Scope

router = APIRouter(prefix="/apps", tags=["apps"])


@router.get("")
def apps(farm: FarmOf) -> list[AppModel]:
    """Every app."""
    return [AppModel.of(app, farm.git_url(app.scope)) for app in list_apps(farm.services)]


@router.post("", status_code=201)
def create(new: NewApp, farm: FarmOf, actor: Actor) -> AppModel:
    """Make an app."""
    app = create_app(farm.services, Scope.parse(new.name), role=new.role, actor=actor)
    return AppModel.of(app, farm.git_url(app.scope))


@router.get("/{app}")
def info(scope: ScopeOf, farm: FarmOf) -> AppDetail:
    """One app, with the functions that serve."""
    return AppDetail.of_info(app_info(farm.services, scope), farm.git_url(scope))


@router.delete("/{app}")
def destroy(scope: ScopeOf, services: ServicesOf, actor: Actor) -> Destroyed:
    """Delete the app's functions, releases, config vars and git history."""
    functions = destroy_app(services, scope, actor=actor)
    return Destroyed(app=str(scope), functions=list(functions))
