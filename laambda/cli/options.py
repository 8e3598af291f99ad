"""Options that many commands share. They stand on each command, since one on the group must come before its name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from laambda.cli.session import Session


def may_name_app(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the session, and a function that gives the app when it is called: see ``for_app``."""

    @click.option("-a", "--app", metavar="APP[@ENV]", help="The app; else LAAMBDA_APP, else the git remote's.")
    @click.option("-e", "--env", metavar="ENV", help="Its environment; production by default.")
    @click.option("-r", "--remote", metavar="NAME", help="The git remote that names the app.")
    @functools.wraps(command)
    def with_app(app: str | None, env: str | None, remote: str | None, **rest: Any) -> None:
        session: Session = click.get_current_context().obj
        command(session, lambda: session.app(app, env, remote), **rest)

    return with_app


def for_app(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the session and the app that ``-a``, ``-e``, ``-r``, LAAMBDA_APP or git name."""

    @may_name_app
    @functools.wraps(command)
    def with_app(session: Session, app: Callable[[], str], **rest: Any) -> None:
        command(session, app(), **rest)

    return with_app


json_option = click.option("-j", "--json", "as_json", is_flag=True, help="Print JSON, as the API gives it.")
number_option = click.option(
    "-n", "--number", type=click.IntRange(1, 1000), default=15, show_default=True, help="How many."
)


class Version(click.ParamType[int]):
    """A release: ``v12`` or ``12``."""

    name = "version"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value).removeprefix("v")
        if not text.isascii() or not text.isdigit() or not 0 < int(text[:12]) < 10**10:
            self.fail(f"{value!r} is not a release; they are named v1, v2, ...", param, ctx)
        return int(text)
