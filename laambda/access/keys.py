"""SSH keys: which ones are let in, and the use cases that add and remove them.

Accepted are ed25519, ECDSA on the NIST curves and RSA of 3,072 bits or more. DSA is broken, shorter RSA keys are
below 128 bits of security (NIST SP 800-57), and keys on security tokens (sk-...) are not understood by the receiver.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from laambda.access.people import check_user
from laambda.domain.access import AuditEntry, SshKey
from laambda.errors import InvalidInput, NotFound
from laambda.ports import Services

KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
)
_LINE_LIMIT = 8192
_RSA_BITS = range(3072, 16385)
_NEW_KEY = "Make one with: ssh-keygen -t ed25519"


def add_key(services: Services, line: str, *, user: str, actor: str) -> SshKey:
    """Let the holder of a public key push as ``user``.

    ``line`` is the content of a ``.pub`` file. Raises InvalidInput for what is no acceptable key and Conflict where
    it is known already.
    """
    with services.database.write() as tx:
        key = parse_key(line, user=check_user(user), added_at=tx.now)
        tx.access.add_key(key)
        tx.audit.add(AuditEntry(tx.now, actor, "keys:add", key.fingerprint, f"for {key.user}"))
    return key


def remove_key(services: Services, name: str, *, actor: str) -> SshKey:
    """Remove the key whose fingerprint, or else comment, is ``name``; NotFound where it is not exactly one."""
    with services.database.write() as tx:
        key = _find(tx.access.keys(), name)
        tx.access.remove_key(key.fingerprint)
        tx.audit.add(AuditEntry(tx.now, actor, "keys:remove", key.fingerprint, f"of {key.user}"))
    return key


def list_keys(services: Services) -> Sequence[SshKey]:
    """Every key, by user."""
    with services.database.read() as tx:
        return tx.access.keys()


def parse_key(line: str, *, user: str, added_at: datetime) -> SshKey:
    """Read one public key as OpenSSH writes it (``kind base64 comment``, RFC 4253 section 6.6); InvalidInput."""
    if len(line) > _LINE_LIMIT or "\n" in line.strip():
        raise InvalidInput("that is not one public key", hint="Give the content of one .pub file")
    kind, _, rest = line.strip().partition(" ")
    text, _, comment = rest.strip().partition(" ")
    if "PRIVATE KEY" in line:
        raise InvalidInput("that is a private key: never give it away", hint="Give the .pub file next to it")
    if kind not in KINDS:
        raise InvalidInput(f"keys of the kind {_shown(kind)!r} are not accepted", hint=_NEW_KEY)
    blob = _checked_blob(kind, text)
    return SshKey(
        fingerprint=fingerprint_of(blob),
        user=user,
        kind=kind,
        blob=base64.b64encode(blob).decode(),
        comment=_shown(comment.strip()),
        added_at=added_at,
    )


def fingerprint_of(blob: bytes) -> str:
    """``SHA256:...`` of a key's RFC 4253 bytes, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _checked_blob(kind: str, text: str) -> bytes:
    try:
        blob = base64.b64decode(text, validate=True)
        key = load_ssh_public_key(f"{kind} {text}".encode())
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        raise InvalidInput(f"the {kind} key is damaged", hint="Give the whole content of the .pub file") from None
    if isinstance(key, RSAPublicKey) and key.key_size not in _RSA_BITS:
        raise InvalidInput(f"the RSA key has {key.key_size} bits, {_RSA_BITS.start} are needed", hint=_NEW_KEY)
    return blob


def _find(keys: Sequence[SshKey], name: str) -> SshKey:
    found = [key for key in keys if key.fingerprint == name] or [key for key in keys if key.comment == name]
    if len(found) == 1:
        return found[0]
    problem = f"{len(found)} keys are named {_shown(name)!r}" if found else f"no key is named {_shown(name)!r}"
    raise NotFound(problem, hint="Give the fingerprint as `laambda keys` prints it")


def _shown(text: str) -> str:
    """What a person wrote, made safe for a terminal: at most 100 printable characters."""
    return re.sub(r"\s+", " ", "".join(char for char in text if char.isprintable()))[:100]
