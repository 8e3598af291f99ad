"""Who may talk to the farm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SshKey:
    """A public key. ``fingerprint`` is ``SHA256:...`` as ssh-keygen -l prints it; ``blob`` the base64 of RFC 4253."""

    fingerprint: str
    user: str
    kind: str
    blob: str
    comment: str
    added_at: datetime


@dataclass(frozen=True)
class ApiToken:
    """A bearer token of the API: only its hex SHA-256 is kept."""

    sha256: str
    user: str
    label: str
    created_at: datetime


@dataclass(frozen=True)
class AuditEntry:
    """One act of a person. ``detail`` never holds a value of a config var."""

    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
