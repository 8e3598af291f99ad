from __future__ import annotations

import pytest

from laambda.domain.names import Scope
from laambda.errors import InvalidInput
from receiver.command import GitCommand, parse_command, protocol_version


@pytest.mark.parametrize(
    ("command", "service", "scope"),
    [
        (b"git-receive-pack 'api.git'", "receive-pack", Scope("api")),
        (b"git-upload-pack '/api.git'", "upload-pack", Scope("api")),
        (b"git-receive-pack 'api'", "receive-pack", Scope("api")),
        (b"git receive-pack '/api.git/'", "receive-pack", Scope("api")),
        (b"git-upload-pack 'api@staging.git'", "upload-pack", Scope("api", "staging")),
        (b"git-upload-pack 'api@production.git'", "upload-pack", Scope("api")),
    ],
)
def test_what_git_clients_send(command: bytes, service: str, scope: Scope) -> None:
    assert parse_command(command) == GitCommand(service, scope)


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b"id",
        b"git-receive-pack",
        b"git-receive-pack api.git",
        b"git-receive-pack '../api.git'",
        b"git-receive-pack '/etc/passwd'",
        b"git-receive-pack 'api.git';id",
        b"git-receive-pack 'api.git' --x",
        b"git-receive-pack 'api.git'\nid",
        b"git-receive-pack 'api\n.git'",
        b"git-receive-pack 'api.git'\n",
        b"git-receive-pack '--upload-pack=id'",
        b"git-receive-pack $(id)",
        b"git-upload-pack 'a'\\''b'",
        b"git-receive-pack 'API'",
        b"git-receive-pack 'api@'",
        b"git-receive-pack '\xc3\xa4pi.git'",
        b"git-upload-archive 'api.git'",
        b"git-receive-pack 'x" + b"a" * 5000 + b"'",
        b"git-receive-pack 'api.git\x00'",
    ],
)
def test_everything_else_is_refused(command: bytes) -> None:
    with pytest.raises(InvalidInput, match="this is a git server"):
        parse_command(command)


def test_protocol_versions() -> None:
    assert protocol_version(b"version=2") == "version=2"
    assert protocol_version(b"version=2; rm -rf /") is None
