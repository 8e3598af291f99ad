"""Functions, versions and aliases as Lambda's API describes them."""

from __future__ import annotations

from typing import Any

from laambda.localcloud.functions import LATEST, Alias, Function, Version, timestamp

COPIED = (
    "Runtime",
    "Role",
    "Handler",
    "Description",
    "Timeout",
    "MemorySize",
    "Environment",
    "TracingConfig",
    "Architectures",
    "EphemeralStorage",
    "FileSystemConfigs",
    "DeadLetterConfig",
)


def configuration(function: Function, version: Version, now: float, *, qualified: bool = False) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html

    ``qualified`` asks for the ARN with ``:$LATEST``, which a version's number always has.
    """
    settings = version.settings
    answer: dict[str, Any] = {
        "FunctionName": function.name,
        "FunctionArn": function.qualified(version.number) if qualified or version.number != LATEST else function.arn,
        "Version": version.number,
        "CodeSha256": version.code.sha256,
        "CodeSize": version.code.size,
        "LastModified": timestamp(version.modified_at),
        "RevisionId": version.revision_at(now),
        "PackageType": "Zip",
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": log_group(function, version)},
        "SnapStart": {
            "ApplyOn": settings.get("SnapStart", {}).get("ApplyOn", "None"),
            "OptimizationStatus": "Off",
        },
    }
    answer.update({name: settings[name] for name in COPIED if settings.get(name)})
    answer["Description"] = settings["Description"]
    if not (settings.get("Environment") or {}).get("Variables"):
        answer.pop("Environment", None)
    if settings.get("KMSKeyArn"):
        answer["KMSKeyArn"] = settings["KMSKeyArn"]
    if (settings.get("VpcConfig") or {}).get("SubnetIds"):
        answer["VpcConfig"] = {"VpcId": "vpc-local", **settings["VpcConfig"]}
    return answer | _states(version, now)


def code(function: Function, version: Version, now: float, location: str, *, qualified: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html#API_GetFunction_ResponseSyntax"""
    answer: dict[str, Any] = {
        "Configuration": configuration(function, version, now, qualified=qualified),
        "Code": {"RepositoryType": "S3", "Location": location},
    }
    if function.tags:
        answer["Tags"] = dict(function.tags)
    if function.concurrency is not None:
        answer["Concurrency"] = {"ReservedConcurrentExecutions": function.concurrency}
    return answer


def alias(function: Function, held: Alias) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/api/API_AliasConfiguration.html"""
    answer: dict[str, Any] = {
        "AliasArn": function.qualified(held.name),
        "Name": held.name,
        "FunctionVersion": held.version,
        "Description": held.description,
        "RevisionId": held.revision,
    }
    if held.weights:
        answer["RoutingConfig"] = {"AdditionalVersionWeights": dict(held.weights)}
    return answer


def log_group(function: Function, version: Version) -> str:
    """https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html"""
    chosen = (version.settings.get("LoggingConfig") or {}).get("LogGroup")
    return str(chosen or f"/aws/lambda/{function.name}")


def _states(version: Version, now: float) -> dict[str, str]:
    """https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"""
    if version.settled(now):
        return {"State": "Active", "LastUpdateStatus": "Successful"}
    if version.creating:
        return {
            "State": "Pending",
            "StateReason": "The function is being created.",
            "StateReasonCode": "Creating",
        }
    return {
        "State": "Active",
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    }
