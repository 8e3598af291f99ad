"""Reading the config vars in force."""

from __future__ import annotations

from laambda.config.bags import open_vars
from laambda.domain.access import AuditEntry
from laambda.domain.config import ConfigVars
from laambda.domain.names import Scope
from laambda.ports import Services


def read_config(services: Services, scope: Scope, *, actor: str) -> ConfigVars:
    """The config vars in force for an app, values and all, so the look is audited; NotFound without an app."""
    with services.database.write() as tx:
        config_id = tx.apps.get(scope).config_id
        sealed = tx.config.get(config_id) if config_id is not None else None
        tx.audit.add(AuditEntry(tx.now, actor, "config:read", str(scope), ""))
    return open_vars(services.vault, scope, sealed) if sealed is not None else ConfigVars()
