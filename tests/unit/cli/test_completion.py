"""Completion in real shells: colons are word breaks in bash."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from laambda.cli.run import run

BASH = shutil.which("bash")


def completed(line: str, folder: Path, script: str) -> list[str]:
    """What bash offers for ``line`` with the cursor at its end."""
    laambda = folder / "laambda"
    laambda.write_text(f'#!/bin/sh\nexec {sys.executable} -m laambda.cli "$@"\n')
    laambda.chmod(0o755)
    program = f'{script}\nCOMP_LINE="$1" COMP_POINT=${{#1}}\n_laambda_completion\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    environ = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    ended = subprocess.run(
        [str(BASH), "--norc", "-c", program, "bash", line], capture_output=True, text=True, check=True, env=environ
    )
    return ended.stdout.split()


@pytest.fixture
def script(capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["completion", "bash"], {}) == 0
    return capsys.readouterr().out


@pytest.mark.skipif(BASH is None, reason="bash is not here")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("laambda roll", ["rollback"]),
        ("laambda apps:c", ["create"]),
        ("laambda apps:", ["create", "info", "destroy"]),
        ("laambda releases --j", ["--json"]),
    ],
)
def test_bash_completes_the_part_after_the_colon(line: str, offered: list[str], tmp_path: Path, script: str) -> None:
    assert completed(line, tmp_path, script) == offered


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_script_too(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell], {}) == 0
    assert "laambda" in capsys.readouterr().out
