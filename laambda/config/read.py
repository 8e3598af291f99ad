"""Reading the config vars in force."""

from __future__ import annotations

from laambda.config.bags import open_vars
from laambda.domain.config import ConfigVars
from laambda.domain.names import Scope
from laambda.ports import Services


def current(services: Services, scope: Scope) -> ConfigVars:
    """The config vars in force for an app; NotFound where there is no such app."""
    with services.database.read() as tx:
        config_id = tx.apps.get(scope).config_id
        sealed = tx.config.get(config_id) if config_id is not None else None
    return open_vars(services.vault, scope, sealed) if sealed is not None else ConfigVars()
