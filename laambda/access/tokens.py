"""Bearer tokens of the API: shown once, kept as a hash.

A token has 256 random bits, so its plain SHA-256 can't be searched backwards and no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from laambda.access.people import check_user
from laambda.domain.access import ApiToken, AuditEntry
from laambda.errors import InvalidInput
from laambda.ports import Services

PREFIX = "lmb_"
"""Lets secret scanners and people recognise a token of ours."""
_LENGTH_LIMIT = 128


def create_token(services: Services, *, user: str, label: str, actor: str) -> str:
    """Make a token that speaks for ``user``; the secret is given back here and nowhere else."""
    if not label.isprintable() or not 0 < len(label) <= 100:
        raise InvalidInput("a token's label has 1 to 100 printable characters")
    secret = PREFIX + secrets.token_urlsafe(32)
    with services.database.write() as tx:
        tx.access.add_token(ApiToken(hash_of(secret), check_user(user), label, tx.now))
        tx.audit.add(AuditEntry(tx.now, actor, "tokens:create", user, label))
    return secret


def authenticate(services: Services, secret: str) -> ApiToken | None:
    """The token that ``secret`` is, or None. What is looked up is its hash, which tells a timer nothing."""
    if not secret.startswith(PREFIX) or len(secret) > _LENGTH_LIMIT:
        return None
    sha256 = hash_of(secret)
    with services.database.read() as tx:
        token = tx.access.find_token(sha256)
    return token if token is not None and hmac.compare_digest(token.sha256, sha256) else None


def hash_of(secret: str) -> str:
    """Hex SHA-256: all of a token that is ever stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()
