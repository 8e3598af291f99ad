"""Who comes in: users with a known public key, as ``git``, and the one host key that they know us by."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from paramiko.channel import Channel
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)

from laambda.access.keys import fingerprint_of
from laambda.errors import InvalidInput, LaambdaError
from laambda.ports import Database
from receiver.command import protocol_version

_log = logging.getLogger(__name__)

LOGIN = "git"
_SESSIONS_EVER = 1000
"""Per connection; paramiko remembers each."""

Serve = Callable[[Channel, str, bytes | None, str | None], None]
"""Serve a channel for a user: their command, or None for a shell, and git's protocol version."""


def host_key(path: Path) -> paramiko.PKey:
    """The receiver's ed25519 key; made on first use, by whichever of several processes links it first."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        with open(fresh, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            os.link(fresh, path)
        fresh.unlink()
    try:
        return paramiko.Ed25519Key(filename=os.fspath(path))
    except (paramiko.SSHException, ValueError) as error:
        raise InvalidInput(
            f"{path} is not an ed25519 key: {error}", hint="Put the farm's host key there, or remove the file"
        ) from None


class Door(paramiko.ServerInterface):
    """One connection's gatekeeper: public keys only, sessions only, git only.

    paramiko asks ``check_auth_publickey`` for the unsigned probe of a key as well as for its proven use, so nothing
    is counted or logged there; ``user`` is that of the last key asked about, which at a login is the proven one.
    """

    def __init__(
        self,
        database: Database,
        serve: Serve,
        *,
        sessions: int,
        open_sessions: Callable[[], int],
        proven: Callable[[], None],
    ) -> None:
        """``proven`` is called when a session is asked for, which takes a proven key."""
        self._database = database
        self._serve = serve
        self._sessions = sessions
        self._open_sessions = open_sessions
        self._proven = proven
        self._asked: dict[int, _Asked] = {}
        self.user = ""

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - paramiko's signature
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        self.user = ""
        if username != LOGIN:
            return AUTH_FAILED
        try:
            with self._database.read() as tx:
                known = tx.access.find_key(fingerprint_of(key.asbytes()))
        except LaambdaError as error:
            _log.error("keys can't be looked up: %s", error)
            return AUTH_FAILED
        if known is None:
            return AUTH_FAILED
        self.user = known.user
        return AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        self._proven()
        if kind != "session" or self._open_sessions() >= self._sessions or chanid >= _SESSIONS_EVER:
            return OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
        self._asked[chanid] = _Asked()
        return OPEN_SUCCEEDED

    def check_channel_env_request(self, channel: Channel, name: bytes, value: bytes) -> bool:
        version = protocol_version(value) if name == b"GIT_PROTOCOL" else None
        if version is not None:
            self._asked[channel.get_id()].protocol = version
        return version is not None

    def check_channel_shell_request(self, channel: Channel) -> bool:
        return self._begin(channel, None)

    def check_channel_exec_request(self, channel: Channel, command: bytes) -> bool:
        return self._begin(channel, command)

    def answered(self, channel: Channel) -> None:
        """The client has the answer to its request: what it asked for may begin to talk."""
        asked = self._asked.get(channel.get_id())
        if asked is not None and asked.wanted and not asked.begun:
            asked.begun = True
            self._serve(channel, self.user, asked.command, asked.protocol)

    def _begin(self, channel: Channel, command: bytes | None) -> bool:
        """One command a session: a second one on the same channel is refused."""
        asked = self._asked[channel.get_id()]
        if asked.wanted:
            return False
        asked.wanted, asked.command = True, command
        return True


@dataclass
class _Asked:
    """What a session's client has asked for so far."""

    protocol: str | None = None
    wanted: bool = False
    command: bytes | None = None
    begun: bool = False
