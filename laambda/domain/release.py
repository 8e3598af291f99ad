"""Releases: append-only, numbered per app and environment, each able to come back whole."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from laambda.domain.build import BuildKind
from laambda.domain.function import FunctionSettings
from laambda.domain.names import Scope


class ReleaseState(StrEnum):
    """``pending`` while its deploy runs; a failed release keeps its number and is never a rollback target."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True)
class ReleasedFunction:
    """A function as a release left it: ``lambda_version`` is the published version its alias pointed at."""

    process: str
    name: str
    settings: FunctionSettings
    lambda_version: str = ""
    code_sha256: str = ""


@dataclass(frozen=True)
class SecondLook:
    """Somebody looks at an app after a deploy that did not end clean, and writes to the cloud under ``token``."""

    scope: Scope
    token: int


@dataclass(frozen=True)
class Release:
    """vN of an app in an environment. ``slug`` is the slug's id, ``config_id`` the config bag it ran with."""

    scope: Scope
    version: int
    state: ReleaseState
    kind: BuildKind
    build_id: int
    description: str
    actor: str
    created_at: datetime
    commit: str = ""
    tree: str = ""
    slug: str = ""
    config_id: int | None = None
    functions: tuple[ReleasedFunction, ...] = ()
