"""The command line as a whole: help, exit codes, errors."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from laambda.cli.commands import COMMANDS
from laambda.cli.run import run

NOWHERE = {"LAAMBDA_API_URL": "http://127.0.0.1:1", "LAAMBDA_TOKEN": "lmb_x"}


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_is_where_the_table_says_and_has_help(name: str) -> None:
    module, _, attribute = COMMANDS[name].place.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.help
    assert COMMANDS[name].help[0].isupper()


def test_help_groups_the_commands_by_noun(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"], {}) == 0
    shown = capsys.readouterr().out
    assert re.search(r"^Releases:\n  releases +List an app's releases\n  releases:info ", shown, re.MULTILINE)
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("words", [(), ("help",)])
def test_no_command_is_answered_with_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words, {}) == 0
    assert capsys.readouterr().out.startswith("Usage: laambda [OPTIONS] COMMAND")


def test_help_with_a_command_is_that_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "rollback"], {}) == 0
    assert capsys.readouterr().out.startswith("Usage: laambda rollback")


def test_a_config_var_without_a_value_is_refused() -> None:
    argv = [sys.executable, "-m", "laambda.cli", "config:set", "TOKEN", "-a", "api"]
    done = subprocess.run(argv, env=NOWHERE, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        " !     no value of TOKEN came on stdin\n       For an empty one: laambda config:set TOKEN=\n"
    )


@pytest.mark.parametrize(
    ("event", "code", "words"),
    [('{"name": "ada"}', 2, "--event -"), ("{file}", 1, "the event is not JSON: Expecting property name")],
)
def test_an_event_is_a_file_of_json(
    event: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "event").write_text("{bad")
    event = event.replace("{file}", str(tmp_path / "event"))
    assert run(["invoke", "hello", "-a", "api", "--event", event], NOWHERE) == code
    assert words in capsys.readouterr().err


def test_help_imports_nothing_that_is_slow() -> None:
    code = (
        "import sys; from laambda.cli.run import run; run(['--help'], {});"
        "slow = ('http', 'ssl', 'json', 'fastapi', 'boto3', 'sqlalchemy');"
        "sys.stderr.write(' '.join(name for name in slow if name in sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stderr == ""


def test_a_misspelt_command_is_answered_with_the_near_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["app:create"], {}) == 2
    assert "Did you mean `laambda apps:create`?" in capsys.readouterr().err


def test_a_wrong_option_is_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["releases", "--nope"], {}) == 2
    assert capsys.readouterr().err == (" !     No such option '--nope'.\n       See `laambda releases --help`\n")


def test_a_farm_that_is_not_there_is_ours(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["apps"], NOWHERE) == 3
    assert capsys.readouterr().err == (
        " !     nothing listens at http://127.0.0.1:1\n       Start a farm with `laambda up`, or set LAAMBDA_API_URL\n"
    )


def test_no_colour_where_nobody_looks_or_wants_it(capsys: pytest.CaptureFixture[str]) -> None:
    run(["apps"], {**NOWHERE, "NO_COLOR": "1"})
    assert "\x1b" not in capsys.readouterr().err


@pytest.mark.parametrize("version", ["0", "v0", "x", "v1x", "-1", "1" * 13, "²"])
def test_a_release_is_named_by_its_number(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["releases:info", "-a", "api", "--", version], NOWHERE) == 2
    assert "they are named v1, v2" in capsys.readouterr().err


def test_a_private_key_does_not_leave_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    key = tmp_path / "id_ed25519"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n")
    assert run(["keys:add", str(key)], NOWHERE) == 1
    assert f"laambda keys:add {key}.pub" in capsys.readouterr().err
