"""What routes are given: the services, the caller, the app of the path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from laambda.access.tokens import authenticate
from laambda.api.problems import Unauthorised
from laambda.dispatch.limits import FarmLimits
from laambda.domain.names import Scope
from laambda.ports import Services


@dataclass(frozen=True)
class Farm:
    """What the API stands on. ``git_address`` is where developers reach the receiver: ``ssh://git@host:port``."""

    services: Services
    limits: FarmLimits
    git_address: str

    def git_url(self, scope: Scope) -> str:
        return f"{self.git_address}/{scope}.git"


_bearer = HTTPBearer(auto_error=False, description="A token of `laambda up`, or one that an operator made")


def _farm(request: Request) -> Farm:
    farm: Farm = request.app.state.farm
    return farm


def _services(request: Request) -> Services:
    return _farm(request).services


def authenticated(
    services: Annotated[Services, Depends(_services)],
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str:
    """The user whose token came with the request."""
    if given is None:
        raise Unauthorised("no token was sent", hint="Set LAAMBDA_TOKEN, or run `laambda up` once on this machine")
    token = authenticate(services, given.credentials)
    if token is None:
        raise Unauthorised("the token is not known here", hint="Check LAAMBDA_TOKEN and LAAMBDA_API_URL")
    return token.user


def _scope(app: Annotated[str, Path(description="APP, or APP@ENVIRONMENT", max_length=80)]) -> Scope:
    return Scope.parse(app)


FarmOf = Annotated[Farm, Depends(_farm)]
ServicesOf = Annotated[Services, Depends(_services)]
Actor = Annotated[str, Depends(authenticated)]
ScopeOf = Annotated[Scope, Depends(_scope)]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most")]
