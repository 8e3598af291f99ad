"""Which app a folder's git remotes name."""

from __future__ import annotations

import click
import pytest

from laambda.cli.remotes import app_of_remotes

GITHUB = "git@github.com:jim/api.git"


@pytest.mark.parametrize(
    ("url", "app"),
    [
        ("ssh://git@127.0.0.1:2222/api.git", "api"),
        ("ssh://git@git.example.com/api@staging.git", "api@staging"),
        ("ssh://git.example.com:2222/my-api", "my-api"),
        ("git@git.example.com:api.git", "api"),
    ],
)
def test_a_remote_of_ours_names_its_app(url: str, app: str) -> None:
    assert app_of_remotes({"origin": GITHUB, "laambda": url}, None) == app


@pytest.mark.parametrize("url", [GITHUB, "https://example.com/api.git", "/srv/api.git", "ssh://git@host/a/b.git"])
def test_other_remotes_name_none(url: str) -> None:
    with pytest.raises(click.UsageError, match="give -a APP, set LAAMBDA_APP"):
        app_of_remotes({"origin": url}, None)


def test_several_apps_are_told_with_the_flags_that_choose() -> None:
    remotes = {"laambda": "ssh://git@h/api.git", "staging": "ssh://git@h/api@staging.git"}
    with pytest.raises(click.UsageError, match=r"one of -r laambda \(api\), -r staging \(api@staging\)"):
        app_of_remotes(remotes, None)
    assert app_of_remotes(remotes, "staging") == "api@staging"


def test_two_remotes_of_one_app_are_no_question() -> None:
    assert app_of_remotes({"a": "ssh://git@h/api.git", "b": "ssh://git@other/api.git"}, None) == "api"


def test_a_chosen_remote_must_be_an_apps() -> None:
    with pytest.raises(click.UsageError, match="'origin' is not an app's"):
        app_of_remotes({"origin": GITHUB}, "origin")
