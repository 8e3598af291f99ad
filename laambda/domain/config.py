"""Config vars: one environment for all functions of an app. Values are secrets; nothing here prints one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping

from laambda.domain.names import check_config_name
from laambda.errors import InvalidInput

ENVIRONMENT_LIMIT = 4096
"""Bytes for all names and values: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


class ConfigVars(Mapping[str, str]):
    """Immutable names and secret values; ``repr`` and ``str`` show the names only."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = {name: values[name] for name in sorted(values)} if values else {}

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"ConfigVars({', '.join(self._values)})"

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical JSON, for comparing without showing."""
        return hashlib.sha256(json.dumps(self._values, ensure_ascii=False).encode()).hexdigest()

    def changed(self, change: ConfigChange) -> ConfigVars:
        """These vars after ``change``; raises InvalidInput past Lambda's 4 KB."""
        values = {} if change.clear else dict(self._values)
        values.update(change.values)
        for name in change.unset:
            values.pop(name, None)
        return ConfigVars(values).checked()

    def checked(self) -> ConfigVars:
        """Itself, or InvalidInput where Lambda would refuse it."""
        size = sum(len(name.encode()) + len(value.encode()) for name, value in self._values.items())
        if size > ENVIRONMENT_LIMIT:
            raise InvalidInput(
                f"the config vars have {size} bytes, Lambda takes {ENVIRONMENT_LIMIT} in all",
                hint="Keep large values in SSM Parameter Store or Secrets Manager and set their names",
            )
        return self


class ConfigChange:
    """What one ``config:set``, ``config:unset`` or ``config:clear`` asks for. Names are checked on creation."""

    __slots__ = ("clear", "unset", "values")

    def __init__(
        self, *, values: Mapping[str, str] | None = None, unset: tuple[str, ...] = (), clear: bool = False
    ) -> None:
        self.values = {check_config_name(name): value for name, value in (values or {}).items()}
        self.unset = unset
        self.clear = clear
        for name, value in self.values.items():
            if "\0" in value:
                raise InvalidInput(f"the value of {name} holds a zero byte")

    def __repr__(self) -> str:
        return f"ConfigChange({self.description})"

    @property
    def description(self) -> str:
        """As a release is described: ``Config set A, B`` - names, never values."""
        if self.clear:
            return "Config clear"
        words = []
        if self.values:
            words.append("set " + ", ".join(sorted(self.values)))
        if self.unset:
            words.append("unset " + ", ".join(sorted(self.unset)))
        return "Config " + "; ".join(words)
