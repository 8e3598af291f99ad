"""What a client may ask for over SSH: two git services on one app, and nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from laambda.domain.names import Scope
from laambda.errors import InvalidInput

_COMMAND = re.compile(
    r"git[ -](?P<service>receive-pack|upload-pack) '/?(?P<app>[a-z][a-z0-9-]{0,29})"
    r"(?:@(?P<environment>[a-z][a-z0-9-]{0,29}))?(?:\.git)?/?'"
)
_LENGTH_LIMIT = 128


@dataclass(frozen=True)
class GitCommand:
    """``service`` is ``receive-pack`` (a push) or ``upload-pack`` (fetch, clone)."""

    service: str
    scope: Scope

    @property
    def pushes(self) -> bool:
        return self.service == "receive-pack"


def parse_command(command: bytes) -> GitCommand:
    """Read ``git-receive-pack 'APP.git'`` and its like as git clients send it; InvalidInput for all else.

    An exact grammar, not a shell's: what does not match is refused, so nothing has to be escaped.
    """
    text = command[: _LENGTH_LIMIT + 1].decode("ascii", "replace")
    found = _COMMAND.fullmatch(text) if len(command) <= _LENGTH_LIMIT else None
    if found is None:
        raise InvalidInput(
            "this is a git server, it takes git push, fetch and clone of APP.git only",
            hint="App names have 1 to 30 of a-z, 0-9 and -, starting with a letter",
        )
    app, environment = found["app"], found["environment"]
    return GitCommand(found["service"], Scope(app, environment) if environment else Scope(app))


def protocol_version(value: bytes) -> str | None:
    """``GIT_PROTOCOL`` as git clients send it, or None: https://git-scm.com/docs/protocol-v2#_ssh_and_file_transport"""
    text = value.decode("ascii", "replace")
    return text if text in ("version=0", "version=1", "version=2") else None
