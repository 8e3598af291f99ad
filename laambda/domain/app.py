"""Apps, and the places they are deployed to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from laambda.domain.names import Scope


@dataclass(frozen=True)
class Target:
    """Where an environment's functions live.

    ``account`` is 12 digits or empty for the account of the farm's own credentials; ``deploy_role`` is the ARN
    the farm assumes there, or empty for none; ``subnets`` and ``security_groups`` are the VPC's, or empty.
    """

    account: str = ""
    region: str = "us-east-1"
    deploy_role: str = ""
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Environment:
    """A named target; ``production`` always exists."""

    name: str
    target: Target


@dataclass(frozen=True)
class App:
    """An app in an environment.

    ``role`` is the ARN of the functions' execution role, required at creation. ``version`` is the last vN that
    was taken, 0 before the first. ``live`` is the vN whose functions serve, 0 for none; it is behind
    ``version`` after a failed deploy. ``config_id`` is the config bag in force, or None for an empty one.
    """

    scope: Scope
    role: str
    created_at: datetime
    created_by: str
    version: int = 0
    live: int = 0
    config_id: int | None = None

    @property
    def name(self) -> str:
        return self.scope.app
