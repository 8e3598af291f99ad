"""Looking at apps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from laambda.domain.app import App
from laambda.domain.names import Scope
from laambda.domain.release import ReleasedFunction
from laambda.errors import Conflict, NotFound
from laambda.ports import Services, Transaction


@dataclass(frozen=True)
class AppInfo:
    """An app with the functions that serve now."""

    app: App
    functions: tuple[ReleasedFunction, ...]


def list_apps(services: Services) -> Sequence[App]:
    """Every app, by name and environment."""
    with services.database.read() as tx:
        return tx.apps.all()


def app_info(services: Services, scope: Scope) -> AppInfo:
    """One app; NotFound where there is none."""
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        return AppInfo(app, live_functions(tx, app))


def live_functions(tx: Transaction, app: App) -> tuple[ReleasedFunction, ...]:
    """The functions of the live release; none before the first."""
    return tx.releases.get(app.scope, app.live).functions if app.live else ()


def live_function(tx: Transaction, app: App, process: str) -> ReleasedFunction:
    """The function that runs ``process``; Conflict before the first release, NotFound for an unknown process."""
    if not app.live:
        raise Conflict(f"{app.scope} has no release yet", hint="git push laambda main")
    functions = live_functions(tx, app)
    for function in functions:
        if function.process == process:
            return function
    known = ", ".join(function.process for function in functions)
    raise NotFound(f"{app.scope} has no process {process[:64]!r} in v{app.live}", hint=f"It has: {known}")
