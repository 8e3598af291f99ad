"""What ``laambda up`` prints."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from laambda.cli.up import host_fingerprint, is_trouble


@pytest.mark.parametrize(
    ("line", "trouble"),
    [
        (" !     port 4566 is taken. choose another with --port or LAAMBDA_CLOUD_PORT", True),
        ("receiver: can't listen on 127.0.0.1:2222: Address already in use", True),
        ("ERROR uvicorn.error: [Errno 98] error while attempting to bind on address", True),
        ("receiver listening on ssh://git@127.0.0.1:2222", False),
        ("INFO receiver.session: receive-pack of api by admin", False),
    ],
)
def test_quiet_keeps_the_reason_why_a_part_does_not_start(line: str, trouble: bool) -> None:
    assert is_trouble("receiver", line) is trouble


def test_the_host_key_is_named_as_ssh_names_it(tmp_path: Path) -> None:
    path = tmp_path / "host_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    told = subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout
    assert host_fingerprint(path) == told.split()[1]
