"""Config vars and changes to them, to and from the sealed bytes that rows hold.

A bag can only be opened for the app, environment and purpose that it was sealed for: the three are authenticated,
so a row copied to another app, or a change taken for a whole bag, does not open.
"""

from __future__ import annotations

import json
from typing import Any

from laambda.domain.config import ConfigChange, ConfigVars
from laambda.domain.names import Scope
from laambda.errors import PlatformError
from laambda.ports import Vault

_VARS = "config"
_CHANGE = "config-change"


def seal_vars(vault: Vault, scope: Scope, config: ConfigVars) -> bytes:
    """The whole environment of an app's functions, sealed."""
    return vault.seal(_json(dict(config)), _context(scope, _VARS))


def open_vars(vault: Vault, scope: Scope, sealed: bytes) -> ConfigVars:
    """What ``seal_vars`` sealed for ``scope``; PlatformError where it does not open."""
    return ConfigVars(_values(vault.open(sealed, _context(scope, _VARS)), scope))


def seal_change(vault: Vault, scope: Scope, change: ConfigChange) -> bytes:
    """What one ``config:set``, ``config:unset`` or ``config:clear`` asks for, sealed."""
    asked = {"values": change.values, "unset": list(change.unset), "clear": change.clear}
    return vault.seal(_json(asked), _context(scope, _CHANGE))


def open_change(vault: Vault, scope: Scope, sealed: bytes) -> ConfigChange:
    """What ``seal_change`` sealed for ``scope``; PlatformError where it does not open."""
    asked = _values(vault.open(sealed, _context(scope, _CHANGE)), scope)
    return ConfigChange(values=asked["values"], unset=tuple(asked["unset"]), clear=asked["clear"])


def _context(scope: Scope, purpose: str) -> dict[str, str]:
    return {"app": scope.app, "environment": scope.environment, "purpose": purpose}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _values(plain: bytes, scope: Scope) -> dict[str, Any]:
    try:
        values = json.loads(plain)
    except ValueError:
        # "from None": the decoder's own error quotes what it read.
        raise PlatformError(f"a config bag of {scope} is not JSON") from None
    if not isinstance(values, dict):
        raise PlatformError(f"a config bag of {scope} is not a JSON object")
    return values
