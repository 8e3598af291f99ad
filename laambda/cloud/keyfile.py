"""The vault of a farm without KMS: data keys are wrapped by one key in a file that only the farm's user can read.

The file is made on first use. Several processes may do that at once: each writes a file of its own, and one
``link(2)`` wins. Losing the file loses every config var, so back it up apart from the database.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from laambda.cloud import envelope
from laambda.cloud.envelope import KEY_BYTES, NONCE_BYTES, Envelope
from laambda.errors import PlatformError

_KIND = b"F"
_MARK_BYTES = 8


class KeyFileVault:
    """Seals with a key file. A wrapped key is: mark of the file's key (8 bytes), nonce, AES-GCM text."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        data_key, nonce = os.urandom(KEY_BYTES), os.urandom(NONCE_BYTES)
        text = AESGCM(self._key).encrypt(nonce, data_key, envelope.canonical(context))
        return envelope.seal(_KIND, data_key, self._mark + nonce + text, plain, context)

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        bag = Envelope.parse(sealed, _KIND)
        mark, rest = bag.wrapped_key[:_MARK_BYTES], bag.wrapped_key[_MARK_BYTES:]
        if mark != self._mark:
            raise PlatformError(
                f"the sealed bag was made with another key than {self._path} holds",
                hint="Put the key file back from its backup",
            )
        data_key = envelope.decrypt(self._key, rest[:NONCE_BYTES], rest[NONCE_BYTES:], envelope.canonical(context))
        return envelope.unseal(bag, data_key, context)

    @cached_property
    def _key(self) -> bytes:
        return _read(self._path) or _make(self._path)

    @property
    def _mark(self) -> bytes:
        """Tells keys apart without telling anything about them."""
        return hashlib.sha256(b"laambda key file " + self._key).digest()[:_MARK_BYTES]


def _read(path: Path) -> bytes | None:
    try:
        mode = path.stat().st_mode
        key = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PlatformError(f"the key file {path} can't be read: {error.strerror}") from error
    if mode & 0o077:
        raise PlatformError(f"the key file {path} can be read by others", hint=f"chmod 600 {path}")
    if len(key) != KEY_BYTES:
        raise PlatformError(
            f"the key file {path} holds {len(key)} bytes, not {KEY_BYTES}", hint="Put it back from its backup"
        )
    return key


def _make(path: Path) -> bytes:
    """Make the file whole and on disk under its name, or read the one that another process made first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            _link(name, path)
        finally:
            Path(name).unlink()
    except OSError as error:
        raise PlatformError(f"the key file {path} can't be made: {error.strerror}") from error
    key = _read(path)
    if key is None:
        raise PlatformError(f"the key file {path} was deleted while it was made")
    return key


def _link(name: str, path: Path) -> None:
    try:
        os.link(name, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
