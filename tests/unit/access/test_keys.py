"""Which public keys are let in, and what is kept of them."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from laambda.access.keys import parse_key
from laambda.domain.access import SshKey
from laambda.errors import InvalidInput

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def keygen(folder: Path, *options: str) -> str:
    path = folder / "key"
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", "jim@laptop", "-f", str(path), *options], check=True)
    return path.with_suffix(".pub").read_text()


def parse(line: str) -> SshKey:
    return parse_key(line, user="jim", added_at=NOW)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ssh-ed25519", ["-t", "ed25519"]),
        ("ecdsa-sha2-nistp256", ["-t", "ecdsa", "-b", "256"]),
        ("ecdsa-sha2-nistp521", ["-t", "ecdsa", "-b", "521"]),
    ],
)
def test_a_modern_key_is_read_as_ssh_keygen_reads_it(tmp_path: Path, kind: str, options: list[str]) -> None:
    line = keygen(tmp_path, *options)
    listed = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")], check=True, capture_output=True, text=True
    )
    key = parse(line)
    assert key.fingerprint == listed.stdout.split()[1]
    assert (key.kind, key.comment, key.user) == (kind, "jim@laptop", "jim")
    assert key.blob == line.split()[1]


def test_a_short_rsa_key_is_refused_with_the_command_that_makes_a_better_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="2048 bits, 3072 are needed") as refused:
        parse(keygen(tmp_path, "-t", "rsa", "-b", "2048"))
    assert "ssh-keygen -t ed25519" in refused.value.hint


def test_a_private_key_is_refused_and_not_repeated(tmp_path: Path) -> None:
    keygen(tmp_path, "-t", "ed25519")
    private = (tmp_path / "key").read_text()
    with pytest.raises(InvalidInput) as refused:
        parse(private.replace("\n", " "))
    assert private.splitlines()[1] not in str(refused.value)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "ssh-dss AAAAB3NzaC1kc3MAAACB jim",
        "ssh-ed25519 not-base64 jim",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA== jim",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIFlK4nlpTLXaXU0v0BkbVkOvr8YxEBd6WkaZzvFm5Uhg jim",
        'command="sh" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFlK4nlpTLXaXU0v0BkbVkOvr8YxEBd6WkaZzvFm5Uhg',
        "ssh-ed25519 " + "A" * 9000,
        "ssh-ed25519 AAAA\nssh-ed25519 AAAA",
    ],
)
def test_what_is_no_acceptable_key_is_refused(line: str) -> None:
    with pytest.raises(InvalidInput):
        parse(line)


def test_a_comment_can_not_carry_terminal_escapes(tmp_path: Path) -> None:
    line = keygen(tmp_path, "-t", "ed25519").replace("jim@laptop", "jim\x1b[31m\x07 laptop")
    assert parse(line).comment == "jim[31m laptop"
