"""The bytes of a sealed bag, whoever keeps the key that wraps its data key.

    "LMBV"  version 1  kind  length of wrapped key (2 bytes)  wrapped key  nonce (12 bytes)  AES-256-GCM text and tag

Each bag has a data key of its own. Everything before the nonce, and the context as canonical JSON, is authenticated
with the text, so neither can be exchanged. AES-GCM: NIST SP 800-38D; 96-bit random nonces, one per data key.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from laambda.errors import PlatformError

KEY_BYTES = 32
NONCE_BYTES = 12
_MAGIC = b"LMBV\x01"
_HEADER = struct.Struct(">5s1sH")


@dataclass(frozen=True)
class Envelope:
    """A sealed bag in its parts. ``kind`` is one byte that says who wrapped the data key."""

    kind: bytes
    wrapped_key: bytes
    nonce: bytes
    text: bytes

    @property
    def header(self) -> bytes:
        return _HEADER.pack(_MAGIC, self.kind, len(self.wrapped_key)) + self.wrapped_key

    def to_bytes(self) -> bytes:
        return self.header + self.nonce + self.text

    @classmethod
    def parse(cls, sealed: bytes, kind: bytes) -> Envelope:
        """Take ``sealed`` apart; PlatformError where it is no bag, or one that another kind of vault sealed."""
        if len(sealed) < _HEADER.size or not sealed.startswith(_MAGIC):
            raise PlatformError("the sealed bag is damaged or of an unknown format")
        _, found, length = _HEADER.unpack_from(sealed)
        if found != kind:
            raise PlatformError(
                "the sealed bag was made by another kind of vault",
                hint="Give LAAMBDA_KMS_KEY the value it had when the bag was made",
            )
        rest = sealed[_HEADER.size :]
        wrapped, nonce, text = rest[:length], rest[length : length + NONCE_BYTES], rest[length + NONCE_BYTES :]
        if len(wrapped) != length or len(nonce) != NONCE_BYTES:
            raise PlatformError("the sealed bag is cut short")
        return cls(found, wrapped, nonce, text)


def canonical(context: Mapping[str, str]) -> bytes:
    """One spelling for one context: JSON with sorted keys and no spaces."""
    return json.dumps(dict(context), sort_keys=True, separators=(",", ":")).encode()


def seal(kind: bytes, data_key: bytes, wrapped_key: bytes, plain: bytes, context: Mapping[str, str]) -> bytes:
    """Encrypt ``plain`` under ``data_key``, which is used for this bag alone."""
    empty = Envelope(kind, wrapped_key, os.urandom(NONCE_BYTES), b"")
    text = AESGCM(data_key).encrypt(empty.nonce, plain, empty.header + canonical(context))
    return empty.to_bytes() + text


def decrypt(key: bytes, nonce: bytes, text: bytes, authenticated: bytes) -> bytes:
    """AES-GCM, with our error: PlatformError where key, context or bytes are wrong; it can't tell which."""
    try:
        return AESGCM(key).decrypt(nonce, text, authenticated)
    except (InvalidTag, ValueError):
        raise PlatformError("a sealed bag does not open: wrong key, wrong context or changed bytes") from None


def unseal(envelope: Envelope, data_key: bytes, context: Mapping[str, str]) -> bytes:
    """The plain bytes of a bag whose data key has been unwrapped."""
    return decrypt(data_key, envelope.nonce, envelope.text, envelope.header + canonical(context))
