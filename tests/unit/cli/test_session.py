"""Which app a command means, and which API it talks to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest

from laambda.cli.credentials import store_token
from laambda.cli.session import Session
from laambda.errors import NotAllowed


def in_repository(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run(["git", "init", "-q", str(path)], check=True)
    add = ["git", "-C", str(path), "remote", "add", "laambda", "ssh://git@127.0.0.1:2222/of-git.git"]
    subprocess.run(add, check=True)
    monkeypatch.chdir(path)


def test_the_option_wins_over_the_environment_and_that_over_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_repository(tmp_path, monkeypatch)
    assert Session({"LAAMBDA_APP": "of-env"}).app("of-option", None, None) == "of-option"
    assert Session({"LAAMBDA_APP": "of-env"}).app(None, None, None) == "of-env"
    assert Session({}).app(None, None, None) == "of-git"


def test_a_remote_that_is_named_wins_over_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_repository(tmp_path, monkeypatch)
    assert Session({"LAAMBDA_APP": "of-env"}).app(None, None, "laambda") == "of-git"


def test_a_remote_and_an_app_at_once_are_refused() -> None:
    with pytest.raises(click.UsageError, match="give one of them"):
        Session({}).app("api", None, "laambda")


def test_an_environment_is_joined_to_the_app() -> None:
    assert Session({}).app("api", "staging", None) == "api@staging"
    assert Session({}).app("api@staging", "staging", None) == "api@staging"
    with pytest.raises(click.UsageError, match="contradicts"):
        Session({}).app("api@staging", "production", None)


def test_outside_of_git_the_user_is_told_what_to_give(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(click.UsageError, match="no app is named"):
        Session({}).app(None, None, None)


def test_the_api_is_the_one_of_the_file_unless_the_environment_names_one(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    store_token("http://10.0.0.1:8080", "lmb_1", environ=home)
    store_token("http://10.0.0.2:8080/", "lmb_2", environ=home)
    assert Session(home).client.url == "http://10.0.0.1:8080"
    assert Session({**home, "LAAMBDA_API_URL": "http://10.0.0.2:8080"}).client.url == "http://10.0.0.2:8080"


def test_a_token_is_never_sent_to_an_address_that_it_is_not_for(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    store_token("http://10.0.0.1:8080", "lmb_1", environ=home)
    with pytest.raises(NotAllowed, match="no token is kept for http://evil:8080"):
        _ = Session({**home, "LAAMBDA_API_URL": "http://evil:8080"}).client
