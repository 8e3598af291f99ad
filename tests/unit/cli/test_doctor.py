"""What ``laambda doctor`` says of a machine that has all, and of one that lacks something."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def doctor(tmp_path: Path, path: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": path, "HOME": str(tmp_path), "LAAMBDA_API_URL": "http://127.0.0.1:9", "LAAMBDA_TOKEN": "x"}
    argv = [sys.executable, "-m", "laambda.cli", "doctor"]
    return subprocess.run(argv, env=environment | more, capture_output=True, text=True, timeout=60, check=False)


def test_a_machine_without_git_and_ssh_is_told_how_to_get_them(tmp_path: Path) -> None:
    answer = doctor(tmp_path, str(tmp_path))
    assert answer.returncode == 1
    assert " !    git is not installed\n       apt-get install git\n" in answer.stdout
    assert " !    ssh is not installed\n       apt-get install openssh-client\n" in answer.stdout


def test_a_missing_key_or_farm_is_said_and_is_no_failure(tmp_path: Path) -> None:
    answer = doctor(tmp_path, "/usr/bin:/bin")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"no SSH key in {tmp_path}/.ssh" in answer.stdout
    assert "new enough for the receiver" in answer.stdout
    assert f"python3.{sys.version_info.minor}" in answer.stdout


def test_an_old_git_can_not_be_a_receivers(tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho git version 2.20.1\n")
    git.chmod(0o755)
    answer = doctor(tmp_path, f"{tmp_path}:/usr/bin:/bin")
    assert answer.returncode == 1
    assert "git version 2.20.1: the receiver needs 2.29 or newer" in answer.stdout
