"""Tags, resource policies and reserved concurrency of a function.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html,
https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html,
https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from laambda.localcloud.functions import LATEST, Function
from laambda.localcloud.refusal import RefusedError, conflict, require_revision
from laambda.localcloud.registry import Registry, resolve


@dataclass(frozen=True)
class Access:
    """The calls on what surrounds a function."""

    registry: Registry

    def tag(self, region: str, name: str, tags: Mapping[str, str]) -> None:
        """https://docs.aws.amazon.com/lambda/latest/api/API_TagResource.html"""
        with self.registry.changing():
            function = self.registry.get(region, name)
            self.registry.put(replace(function, tags={**function.tags, **tags}))

    def untag(self, region: str, name: str, keys: Sequence[str]) -> None:
        """https://docs.aws.amazon.com/lambda/latest/api/API_UntagResource.html"""
        with self.registry.changing():
            function = self.registry.get(region, name)
            kept = {key: value for key, value in function.tags.items() if key not in keys}
            self.registry.put(replace(function, tags=kept))

    def allow(self, region: str, name: str, qualifier: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """Add a statement to the policy and give it.

        https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html
        """
        with self.registry.changing():
            function = self.registry.get(region, name)
            require_revision(body.get("RevisionId"), self._revision(function, qualifier), source="GetPolicy")
            statements = function.policies.get(qualifier or "", ())
            if any(held["Sid"] == body["StatementId"] for held in statements):
                raise conflict(
                    f"The statement id ({body['StatementId']}) provided already exists. "
                    "Please provide a new statement id, or remove the existing statement."
                )
            statement = _statement(function.qualified(qualifier) if qualifier else function.arn, body)
            self._write(function, qualifier, [*map(dict, statements), statement])
            return statement

    def forbid(self, region: str, name: str, qualifier: str | None, sid: str, revision: str | None) -> None:
        """https://docs.aws.amazon.com/lambda/latest/api/API_RemovePermission.html"""
        with self.registry.changing():
            function = self.registry.get(region, name)
            statements = function.policies.get(qualifier or "", ())
            kept = [dict(held) for held in statements if held["Sid"] != sid]
            if len(kept) == len(statements):
                raise RefusedError("ResourceNotFoundException", f"Statement {sid} is not found in resource policy.")
            require_revision(revision, self._revision(function, qualifier), source="GetPolicy")
            self._write(function, qualifier, kept)

    def policy(self, region: str, name: str, qualifier: str | None) -> dict[str, Any]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetPolicy.html"""
        function = self.registry.get(region, name)
        statements = function.policies.get(qualifier or "")
        if not statements:
            raise RefusedError("ResourceNotFoundException", "The resource you requested does not exist.")
        document = {"Version": "2012-10-17", "Id": "default", "Statement": list(statements)}
        return {"Policy": json.dumps(document), "RevisionId": self._revision(function, qualifier)}

    def reserve(self, region: str, name: str, concurrency: int | None) -> None:
        """Set or (None) remove the reserved concurrency.

        https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
        """
        with self.registry.changing():
            self.registry.put(replace(self.registry.get(region, name), concurrency=concurrency))

    def _revision(self, function: Function, qualifier: str | None) -> str:
        """A policy has no revision of its own but that of the function, version or alias it is for."""
        if alias := function.aliases.get(qualifier or ""):
            return alias.revision
        return resolve(function, qualifier).revision_at(self.registry.clock())

    def _write(self, function: Function, qualifier: str | None, statements: list[dict[str, Any]]) -> None:
        policies = {key: policy for key, policy in function.policies.items() if key != (qualifier or "")}
        if statements:
            policies[qualifier or ""] = statements
        changed, revision = replace(function, policies=policies), self.registry.new_id()
        if alias := function.aliases.get(qualifier or ""):
            self.registry.put(changed.with_alias(replace(alias, revision=revision)))
            return
        version = replace(resolve(function, qualifier), revision=revision, settled_revision=revision)
        if version.number == LATEST:
            self.registry.put(replace(changed, latest=version))
        else:
            self.registry.put(replace(changed, versions={**changed.versions, version.number: version}))


def _statement(resource: str, body: Mapping[str, Any]) -> dict[str, Any]:
    principal = body["Principal"]
    kind = "Service" if principal.endswith((".amazonaws.com", ".amazon.com")) else "AWS"
    statement = {
        "Sid": body["StatementId"],
        "Effect": "Allow",
        "Principal": principal if principal == "*" else {kind: principal},
        "Action": body["Action"],
        "Resource": resource,
    }
    condition: dict[str, dict[str, str]] = {}
    if body.get("SourceArn"):
        condition["ArnLike"] = {"AWS:SourceArn": body["SourceArn"]}
    if body.get("SourceAccount"):
        condition["StringEquals"] = {"AWS:SourceAccount": body["SourceAccount"]}
    return {**statement, "Condition": condition} if condition else statement
