"""Config vars. A change is a release, so each command waits for it and says its number."""

from __future__ import annotations

import shlex
import sys

import click

from laambda.cli.options import for_app, json_option
from laambda.cli.render import facts, header, note, print_json, progress
from laambda.cli.session import Session
from laambda.client import BuildJson
from laambda.errors import InvalidInput, NotFound

_NO_CHANGE = "no change"


@click.command()
@for_app
@click.option("-s", "--shell", is_flag=True, help="Print them as a shell reads them.")
@json_option
def config(session: Session, app: str, shell: bool, as_json: bool) -> None:
    """Show an app's config vars."""
    found = session.client.config(app)
    if as_json:
        print_json(found)
    elif shell:
        for name, value in found.items():
            click.echo(f"{name}={shlex.quote(value)}")
    elif found:
        header(f"{app} Config Vars")
        facts_of(found)
    else:
        click.echo(f"{app} has no config vars.")


@click.command()
@click.argument("name")
@for_app
@click.option("-s", "--shell", is_flag=True, help="Print it as a shell reads it.")
def get(session: Session, app: str, name: str, shell: bool) -> None:
    """Print the value of the config var NAME; exit code 1 where it is not set."""
    found = session.client.config(app)
    if name not in found:
        raise NotFound(f"{name} is not set for {app}", hint=f"laambda config:set {name}=VALUE -a {app}")
    click.echo(f"{name}={shlex.quote(found[name])}" if shell else found[name])


@click.command()
@click.argument("pairs", nargs=-1, required=True, metavar="NAME=VALUE...")
@for_app
def set_vars(session: Session, app: str, pairs: tuple[str, ...]) -> None:
    """Set config vars and release them.

    NAME alone reads its value from a prompt, or from stdin, and does not show it: shells keep a history.
    """
    hidden = {pair for pair in pairs if "=" not in pair}
    if len(hidden) > 1 and not sys.stdin.isatty():
        raise click.UsageError("stdin holds one value: give one NAME without =")
    shown = dict(pair.split("=", 1) for pair in pairs if pair not in hidden)
    values = {**shown, **{name: _ask(name) for name in sorted(hidden)}}
    with progress(f"Setting {', '.join(values)} on {app}") as state:
        state.result = _released(session, app, session.client.change_config(app, values))
    facts_of({**shown, **dict.fromkeys(sorted(hidden), "********")})


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@for_app
def unset(session: Session, app: str, names: tuple[str, ...]) -> None:
    """Unset config vars and release that."""
    with progress(f"Unsetting {', '.join(names)} on {app}") as state:
        build = session.client.change_config(app, dict.fromkeys(names))
        state.result = _released(session, app, build)
    if state.result == _NO_CHANGE:
        note(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} not set on {app}")


@click.command()
@for_app
def clear(session: Session, app: str) -> None:
    """Unset all config vars and release that."""
    with progress(f"Clearing the config vars of {app}") as state:
        state.result = _released(session, app, session.client.clear_config(app))


def facts_of(values: dict[str, str]) -> None:
    """``NAME: value``, each on a line, whatever the value."""
    facts([(name, value or " ") for name, value in sorted(values.items())])


def _ask(name: str) -> str:
    if sys.stdin.isatty():
        return str(click.prompt(f"{name} (hidden)", hide_input=True, err=True))
    if not (value := sys.stdin.read(65_536).removesuffix("\n")):
        raise InvalidInput(f"no value of {name} came on stdin", hint=f"For an empty one: laambda config:set {name}=")
    return value


def _released(session: Session, app: str, build: BuildJson | None) -> str:
    """``v10`` once the change is live, that the first release will have it, or that there was nothing to change."""
    if build is None:
        return _NO_CHANGE if session.client.app(app)["live"] else "in force with the first release"
    return f"v{session.client.finish(build['id'])['version']}"
