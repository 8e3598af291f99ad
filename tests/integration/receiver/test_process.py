"""The receiver as the process that the Procfile names."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from laambda.errors import InvalidInput
from tests.integration.receiver.conftest import Customer, House


def start(house: House, run_dir: str, path: str = os.environ["PATH"]) -> subprocess.Popen[str]:
    environment = {
        "PATH": path,
        "LAAMBDA_HOME": os.fspath(house.settings.home),
        "LAAMBDA_RUN_DIR": run_dir,
        "LAAMBDA_DATABASE_URL": house.url,
        "LAAMBDA_SSH_PORT": "0",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "receiver"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_it_says_when_it_is_ready_and_ends_when_told(house: House, new_customer: Callable[..., Customer]) -> None:
    with tempfile.TemporaryDirectory(prefix="lb") as run_dir, start(house, run_dir) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready.startswith("receiver listening on ssh://git@127.0.0.1:"), ready
        customer = new_customer(port=int(ready.rsplit(":", 1)[1]))
        assert "Hi ada" in customer.ssh()[1]
        assert customer.git("ls-remote", "laambda") == ""
        process.terminate()
        assert process.wait(10) == 0
        assert list(Path(run_dir).iterdir()) == []


def test_an_old_git_is_said_at_the_start(house: House, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "git"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho git version 2.28.4\n")
    old.chmod(0o755)
    with tempfile.TemporaryDirectory(prefix="lb") as run_dir:
        process = start(house, run_dir, path=f"{old.parent}:{os.environ['PATH']}")
        _, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert "the receiver needs git 2.29 or newer" in errors


def test_a_port_that_is_taken_is_said(house: House) -> None:
    host, port = house.receiver()
    house.settings = dataclasses.replace(house.settings, ssh_port=port)
    with pytest.raises(InvalidInput, match=f"can't listen on {host}:{port}: Address already in use"):
        house.receiver()
