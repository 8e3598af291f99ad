"""Lambda's limits on what a function may be, refused in AWS's words.

Only limits that laambda's users can run into are here. Sources:
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (quotas),
https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html (reserved names),
https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (patterns and ranges).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from laambda.localcloud.refusal import RefusedError, invalid, violated

ENVIRONMENT_BYTES = 4 * 1024
ZIPPED_BYTES = 52_428_800
UNZIPPED_BYTES = 262_144_000
SYNC_PAYLOAD_BYTES = 6_291_456
ASYNC_PAYLOAD_BYTES = 1_048_576
RESPONSE_BYTES = 6_291_556
REQUEST_BYTES = 70_167_211

RUNTIMES = (
    *(f"python3.{minor}" for minor in range(8, 15)),
    *(f"nodejs{major}.x" for major in range(16, 26, 2)),
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "provided.al2",
    "provided.al2023",
)
RETIRED = (
    "dotnetcore3.1",
    "go1.x",
    "java8",
    "nodejs12.x",
    "nodejs14.x",
    "provided",
    "python2.7",
    "python3.6",
    "ruby2.5",
    "ruby2.7",
)
"""https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-deprecated"""
RESERVED = frozenset(
    {
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
)
ROLE = r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+"
NAME = r"[a-zA-Z0-9-_]{1,64}"
ALIAS = r"(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
HANDLER = r"[^\s]{1,128}"
VARIABLE = r"[a-zA-Z]([a-zA-Z0-9_])+"


def check_name(name: str) -> None:
    """A function's own name; ARNs and qualifiers are taken off before."""
    _match(name, NAME, "functionName")


def check_alias_name(name: str) -> None:
    """An alias must not look like a version number."""
    _match(name, ALIAS, "name")


def check_settings(settings: Mapping[str, Any]) -> None:
    """Refuse settings that Lambda would refuse. ``settings`` may be a part, as in an update."""
    for field, (low, high) in {"Timeout": (1, 900), "MemorySize": (128, 10_240)}.items():
        if field in settings:
            _within(settings[field], field[0].lower() + field[1:], low, high)
    if "Role" in settings:
        _match(settings["Role"], ROLE, "role")
    if "Handler" in settings:
        _match(settings["Handler"], HANDLER, "handler")
    if settings.get("Runtime") in RETIRED:
        raise invalid(
            f"The runtime parameter of {settings['Runtime']} is no longer supported for creating or updating AWS "
            "Lambda functions. We recommend you use a supported runtime while creating or updating functions."
        )
    if "Runtime" in settings and settings["Runtime"] not in RUNTIMES:
        raise invalid(
            f"Value {settings['Runtime']} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
            f"value set: [{', '.join(RUNTIMES)}] or be a valid ARN"
        )
    if settings.get("Layers"):
        raise invalid("The local cloud has no layers: put what they hold into the package")
    if "Environment" in settings:
        check_environment(settings["Environment"].get("Variables") or {})


def check_environment(variables: Mapping[str, str]) -> None:
    """At most 4 KB in all, no reserved name. AWS quotes the whole environment when it refuses it, and so does this.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    trouble = "Lambda was unable to configure your environment variables because the environment variables you have "
    if reserved := sorted(RESERVED & variables.keys()):
        raise invalid(
            f"{trouble}provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name in variables:
        if not re.fullmatch(VARIABLE, name):
            raise violated(name, "environment.variables", f"Member must satisfy regular expression pattern: {VARIABLE}")
    measured = json.dumps(variables, separators=(",", ":"), ensure_ascii=False)
    if len(measured.encode()) > ENVIRONMENT_BYTES:
        raise invalid(f"{trouble}provided exceeded the 4KB limit. String measured: {measured}")


def check_upload(body: bytes, operation: str) -> None:
    """A package of 50 MB at most may be in the request itself, in base64.

    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    if len(body) >= REQUEST_BYTES:
        raise RefusedError(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {REQUEST_BYTES} bytes for the {operation} operation",
        )


def check_payload(payload: bytes, *, wait: bool) -> None:
    """An event is JSON of at most 6 MB when the caller waits, 1 MB when not.

    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#function-configuration-deployment-and-execution
    """
    limit = SYNC_PAYLOAD_BYTES if wait else ASYNC_PAYLOAD_BYTES
    if len(payload) > limit:
        raise RefusedError(
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
        )
    try:
        json.loads(payload or b"null")
    except ValueError as error:
        raise RefusedError(
            "InvalidRequestContentException",
            f"Could not parse request body into json: Could not parse payload into json: {error}",
        ) from error


def _match(value: str, pattern: str, field: str) -> None:
    if not re.fullmatch(pattern, value):
        raise violated(value, field, f"Member must satisfy regular expression pattern: {pattern}")


def _within(value: int, field: str, low: int, high: int) -> None:
    if value > high:
        raise violated(value, field, f"Member must have value less than or equal to {high}")
    if value < low:
        raise violated(value, field, f"Member must have value greater than or equal to {low}")
