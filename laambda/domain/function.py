"""What a function is asked to be, and what the cloud says it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from laambda.domain.config import ConfigVars

LIVE_ALIAS = "live"
OWNER_TAG = "laambda:app"


class Architecture(StrEnum):
    """Lambda's names: https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html"""

    X86_64 = "x86_64"
    ARM64 = "arm64"


@dataclass(frozen=True)
class FunctionSettings:
    """What travels with a published version, configuration vars apart. Timeout in seconds, memory in MB.

    Bounds: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (1-900 s, 128-10,240 MB).
    """

    runtime: str
    handler: str
    role: str
    architecture: Architecture = Architecture.X86_64
    timeout: int = 10
    memory: int = 1024
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class CodeLocation:
    """A function zip in the object store. ``sha256`` is base64 as Lambda's CodeSha256, ``size`` in bytes."""

    bucket: str
    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class WantedFunction:
    """A function as the next release wants it."""

    process: str
    name: str
    settings: FunctionSettings
    config: ConfigVars
    code: CodeLocation


@dataclass(frozen=True)
class Alias:
    """An alias of a function. ``description`` holds the fencing token of the last deploy that touched it."""

    version: str
    description: str
    revision_id: str


@dataclass(frozen=True)
class LiveFunction:
    """A function's $LATEST as the cloud tells it, with its ``live`` alias.

    ``config_digest`` is the hex SHA-256 of the environment (ConfigVars.digest), so that no value has to be kept to
    compare. ``settled`` is False while State is Pending or LastUpdateStatus is InProgress;
    ``failure`` is the cloud's reason where either is Failed. ``owner`` is the value of the owner tag, or empty.
    """

    name: str
    settings: FunctionSettings
    code_sha256: str
    config_digest: str
    revision_id: str
    settled: bool
    owner: str
    failure: str = ""
    alias: Alias | None = None


@dataclass(frozen=True)
class Invocation:
    """The answer to an invoke: ``payload`` bytes, ``error`` as X-Amz-Function-Error or empty, log tail as text."""

    payload: bytes
    error: str
    log_tail: str
    executed_version: str
