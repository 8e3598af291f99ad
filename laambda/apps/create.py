"""Making an app in an environment."""

from __future__ import annotations

import re

from laambda.domain.access import AuditEntry
from laambda.domain.app import App
from laambda.domain.names import Scope
from laambda.errors import InvalidInput
from laambda.ports import Services

_ROLE = re.compile(r"arn:aws[a-z-]{0,20}:iam::\d{12}:role/[\w+=,.@/-]{1,512}", re.ASCII)
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html (ARNs of roles)."""


def create_app(services: Services, scope: Scope, *, role: str, actor: str) -> App:
    """Make the app; its functions will run as the IAM role ``role`` (an ARN).

    Raises InvalidInput for a role that is no role's ARN, NotFound for an unknown environment and Conflict where the
    app exists.
    """
    with services.database.write() as tx:
        app = App(scope=scope, role=check_role(role), created_at=tx.now, created_by=actor)
        tx.apps.create(app)
        tx.audit.add(AuditEntry(tx.now, actor, "apps:create", str(scope), f"role {role}"))
    return app


def check_role(arn: str) -> str:
    """Give a role's ARN back, or raise InvalidInput."""
    if not _ROLE.fullmatch(arn):
        raise InvalidInput(
            f"{arn[:100]!r} is not the ARN of an IAM role",
            hint="It looks like arn:aws:iam::123456789012:role/my-functions",
        )
    return arn
