"""Lambda functions and versions over boto3.

A function's environment is read only to be digested, and never leaves this module.
"""

from __future__ import annotations

from typing import Any, cast

from laambda.cloud.aliases import LambdaAliases
from laambda.cloud.aws_errors import translated
from laambda.cloud.budget import Budget
from laambda.cloud.clients import Clients
from laambda.domain.config import ConfigVars
from laambda.domain.function import (
    OWNER_TAG,
    Architecture,
    CodeLocation,
    FunctionSettings,
    LiveFunction,
    WantedFunction,
)
from laambda.errors import InvalidInput, NotFound, PreconditionLost

_UNSETTLED = ("Pending", "InProgress")
_DESCRIPTION_LIMIT = 256


class LambdaFunctions:
    """Implements ``ports.Functions``."""

    def __init__(self, clients: Clients, aliases: LambdaAliases, budget: Budget) -> None:
        self._clients = clients
        self._aliases = aliases
        self._budget = budget

    def get(self, name: str, *, with_alias: bool = True) -> LiveFunction | None:
        """The revision is read before the alias: a deploy's fence relies on that order.

        https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
        """
        try:
            answer = self._get(name)
        except NotFound:
            return None
        alias = self._aliases.get(name) if with_alias else None
        return _live(answer["Configuration"], tags=answer.get("Tags"), alias=alias)

    def create(self, wanted: WantedFunction, owner: str) -> LiveFunction:
        """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
        request = _settings(wanted)
        if not wanted.settings.subnets:
            del request["VpcConfig"]
        request.update(
            Code={"S3Bucket": wanted.code.bucket, "S3Key": wanted.code.key},
            PackageType="Zip",
            Architectures=[wanted.settings.architecture.value],
            Tags={OWNER_TAG: owner},
            Publish=False,
        )
        self._budget.spend()
        with translated(f"CreateFunction {wanted.name}", wanted.config.values()):
            answer = self._clients.functions.create_function(**request)
        return _live(answer, tags={OWNER_TAG: owner})

    def update_code(self, name: str, code: CodeLocation, wanted: WantedFunction, revision_id: str) -> LiveFunction:
        """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html"""
        self._budget.spend()
        with translated(f"UpdateFunctionCode {name}", wanted.config.values()):
            answer = self._clients.functions.update_function_code(
                FunctionName=name,
                S3Bucket=code.bucket,
                S3Key=code.key,
                Architectures=[wanted.settings.architecture.value],
                RevisionId=revision_id,
                Publish=False,
            )
        return _live(answer)

    def update_settings(self, wanted: WantedFunction, revision_id: str) -> LiveFunction:
        """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html"""
        self._budget.spend()
        with translated(f"UpdateFunctionConfiguration {wanted.name}", wanted.config.values()):
            answer = self._clients.functions.update_function_configuration(**_settings(wanted), RevisionId=revision_id)
        return _live(answer)

    def publish(self, name: str, *, code_sha256: str, revision_id: str, description: str) -> str:
        """https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html"""
        self._budget.spend()
        try:
            with translated(f"PublishVersion {name}"):
                answer = self._clients.functions.publish_version(
                    FunctionName=name,
                    CodeSha256=code_sha256,
                    RevisionId=revision_id,
                    Description=description[:_DESCRIPTION_LIMIT],
                )
        except InvalidInput as error:
            if "CodeSHA256" in error.message:
                raise PreconditionLost(error.message) from error
            raise
        return answer["Version"]

    def version_settled(self, name: str, version: str) -> bool:
        """An Inactive one counts: the first invocation wakes it.

        https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        """
        live = _live(self._get(name, Qualifier=version)["Configuration"])
        if live.failure:
            raise InvalidInput(f"version {version} of {name} can't run: {live.failure}")
        return live.settled

    def delete(self, name: str) -> None:
        """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html"""
        self._budget.spend()
        try:
            with translated(f"DeleteFunction {name}"):
                self._clients.functions.delete_function(FunctionName=name)
        except NotFound:
            return

    def _get(self, name: str, **qualifier: str) -> dict[str, Any]:
        with translated(f"GetFunction {name}"):
            return cast("dict[str, Any]", self._clients.functions.get_function(FunctionName=name, **qualifier))


def _settings(wanted: WantedFunction) -> dict[str, Any]:
    """Empty lists take a function out of its VPC; an empty environment clears it."""
    settings = wanted.settings
    return {
        "FunctionName": wanted.name,
        "Runtime": settings.runtime,
        "Handler": settings.handler,
        "Role": settings.role,
        "Timeout": settings.timeout,
        "MemorySize": settings.memory,
        "Environment": {"Variables": dict(wanted.config)},
        "VpcConfig": {"SubnetIds": list(settings.subnets), "SecurityGroupIds": list(settings.security_groups)},
    }


def _live(answer: Any, tags: Any = None, alias: Any = None) -> LiveFunction:
    """From a FunctionConfiguration. The environment can't be read where its KMS key is denied: it differs then.

    https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html
    """
    network = answer.get("VpcConfig", {})
    environment = answer.get("Environment", {})
    return LiveFunction(
        name=answer["FunctionName"],
        settings=FunctionSettings(
            runtime=answer.get("Runtime", ""),
            handler=answer.get("Handler", ""),
            role=answer["Role"],
            architecture=Architecture(answer.get("Architectures", ["x86_64"])[0]),
            timeout=answer["Timeout"],
            memory=answer["MemorySize"],
            subnets=tuple(network.get("SubnetIds", ())),
            security_groups=tuple(network.get("SecurityGroupIds", ())),
        ),
        code_sha256=answer["CodeSha256"],
        config_digest="" if environment.get("Error") else ConfigVars(environment.get("Variables")).digest,
        revision_id=answer["RevisionId"],
        settled=answer.get("State") not in _UNSETTLED and answer.get("LastUpdateStatus") not in _UNSETTLED,
        owner=(tags or {}).get(OWNER_TAG, ""),
        failure=_failure(answer),
        alias=alias,
    )


def _failure(answer: Any) -> str:
    if answer.get("State") == "Failed":
        return str(answer.get("StateReason") or "the state is Failed")
    if answer.get("LastUpdateStatus") == "Failed":
        return str(answer.get("LastUpdateStatusReason") or "the last update failed")
    return ""
