"""Aliases: names that move between versions, guarded by their own revision.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from laambda.localcloud import limits
from laambda.localcloud.functions import Alias, Function
from laambda.localcloud.refusal import RefusedError, conflict, invalid, require_revision
from laambda.localcloud.registry import Registry, resolve

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Aliases:
    """The calls on the aliases of a function; each gives the function and the alias."""

    registry: Registry

    def create(self, region: str, name: str, body: Body) -> tuple[Function, Alias]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html"""
        limits.check_alias_name(body["Name"])
        with self.registry.changing():
            function = self.registry.get(region, name)
            if body["Name"] in function.aliases:
                raise conflict(f"Alias already exists: {function.qualified(body['Name'])}")
            version, weights = body["FunctionVersion"], _weights(body) or {}
            _check_target(function, version, weights)
            alias = Alias(body["Name"], version, body.get("Description") or "", weights, self.registry.new_id())
            return self.registry.put(function.with_alias(alias)), alias

    def update(self, region: str, name: str, alias_name: str, body: Body) -> tuple[Function, Alias]:
        """What the body leaves out stays.

        https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html
        """
        with self.registry.changing():
            function = self.registry.get(region, name)
            if (old := function.aliases.get(alias_name)) is None:
                raise RefusedError("ResourceNotFoundException", f"Alias not found: {function.qualified(alias_name)}")
            require_revision(body.get("RevisionId"), old.revision)
            weights = _weights(body)
            alias = replace(
                old,
                version=body.get("FunctionVersion") or old.version,
                description=old.description if body.get("Description") is None else body["Description"],
                weights=old.weights if weights is None else weights,
                revision=self.registry.new_id(),
            )
            _check_target(function, alias.version, alias.weights)
            return self.registry.put(function.with_alias(alias)), alias

    def get(self, region: str, name: str, alias_name: str) -> tuple[Function, Alias]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetAlias.html"""
        function = self.registry.get(region, name)
        if (alias := function.aliases.get(alias_name)) is None:
            raise RefusedError("ResourceNotFoundException", f"Cannot find alias arn: {function.qualified(alias_name)}")
        return function, alias

    def delete(self, region: str, name: str, alias_name: str) -> None:
        """Deleting what is not there is no error.

        https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html
        """
        with self.registry.changing():
            function = self.registry.get(region, name)
            if alias_name in function.aliases:
                kept = {key: alias for key, alias in function.aliases.items() if key != alias_name}
                self.registry.put(replace(function, aliases=kept))


def _weights(body: Body) -> dict[str, float] | None:
    routing = body.get("RoutingConfig")
    return None if routing is None else dict(routing.get("AdditionalVersionWeights") or {})


def _check_target(function: Function, version: str, weights: Mapping[str, float]) -> None:
    resolve(replace(function, aliases={}), version)
    for other, weight in weights.items():
        resolve(replace(function, aliases={}), other)
        if not 0 <= weight <= 1:
            raise invalid(f"Weight {weight} of version {other} must be between 0.0 and 1.0")
