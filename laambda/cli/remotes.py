"""Git remotes: which app this folder's repository is pushed to."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping

import click

_URL = re.compile(
    r"(?:ssh://(?:[^@/\s]+@)?[^/\s]+/|[^@/\s]+@[^:/\s]+:)"
    r"(?P<app>[a-z][a-z0-9-]{0,29}(?:@[a-z][a-z0-9-]{0,29})?)(?:\.git)?/?"
)


def list_remotes() -> Mapping[str, str]:
    """Remotes of the repository that the current folder is in, by name; none outside of one, or without git."""
    try:
        listed = subprocess.run(["git", "remote", "-v"], capture_output=True, text=True, check=False, timeout=10)
    except OSError:
        return {}
    lines = (line.split() for line in listed.stdout.splitlines())
    return {words[0]: words[1] for words in lines if len(words) >= 2}


def app_of_remotes(remotes: Mapping[str, str], chosen: str | None) -> str:
    """The app that the remotes name, or that the remote ``chosen`` names; UsageError says which flags to use."""
    if chosen is not None:
        return _app_of(remotes.get(chosen, "")) or _refuse(f"the git remote {chosen!r} is not an app's")
    found = {name: app for name, url in remotes.items() if (app := _app_of(url))}
    apps = set(found.values())
    if len(apps) == 1:
        return apps.pop()
    if not apps:
        return _refuse("no app is named: give -a APP, set LAAMBDA_APP, or run this where git has the app's remote")
    listed = ", ".join(f"-r {name} ({app})" for name, app in sorted(found.items()))
    return _refuse(f"git has remotes of several apps: give -a APP, or one of {listed}")


def add_remote(name: str, url: str) -> bool:
    """Add a remote to the current folder's repository; False outside of one, or where the name is taken."""
    try:
        added = subprocess.run(["git", "remote", "add", name, url], capture_output=True, check=False, timeout=10)
    except OSError:
        return False
    return added.returncode == 0


def _app_of(url: str) -> str | None:
    match = _URL.fullmatch(url)
    return match["app"] if match else None


def _refuse(problem: str) -> str:
    raise click.UsageError(problem)
