"""Apps."""

from __future__ import annotations

import click

from laambda.cli.options import for_app, json_option
from laambda.cli.render import age, facts, header, note, print_json, progress, table, warn
from laambda.cli.session import Session
from laambda.errors import Conflict


@click.command()
@json_option
@click.pass_obj
def apps(session: Session, as_json: bool) -> None:
    """List your apps."""
    found = session.client.apps()
    if as_json:
        print_json(found)
    elif found:
        header("Apps")
        table(
            [(app["app"], _live(app["live"]), f"made {age(app['created_at'])} by {app['created_by']}") for app in found]
        )
    else:
        click.echo("You have no apps. Make one with: laambda apps:create NAME --role ROLE_ARN")


@click.command()
@click.argument("name", metavar="APP[@ENV]")
@click.option("--role", required=True, metavar="ARN", help="The IAM role that its functions run as.")
@click.option("-r", "--remote", default="laambda", show_default=True, help="Name of the git remote to add.")
@click.option("--no-remote", is_flag=True, help="Add no git remote.")
@click.pass_obj
def create(session: Session, name: str, role: str, remote: str, no_remote: bool) -> None:
    """Make an app, and a git remote for it where this folder is a git repository."""
    if not name.strip():
        raise click.UsageError("name the app: laambda apps:create APP --role ROLE_ARN")
    with progress(f"Creating {name}"):
        app = session.client.create_app(name, role)
    click.echo(app["git_url"])
    if no_remote:
        return
    from laambda.cli.remotes import add_remote, list_remotes

    if add_remote(remote, app["git_url"]):
        note(f"Git remote {remote} added. Deploy with: git push {remote} main")
    elif list_remotes().get(remote, app["git_url"]) != app["git_url"]:
        warn(f"The git remote {remote} is another one already.")
        note(f"Add one with: git remote add NAME {app['git_url']}")


@click.command()
@for_app
@json_option
def info(session: Session, app: str, as_json: bool) -> None:
    """Show an app and its functions."""
    found = session.client.app(app)
    if as_json:
        print_json(found)
        return
    header(found["app"])
    facts(
        [
            ("Environment", found["environment"]),
            ("Release", _live(found["live"])),
            ("Role", found["role"]),
            ("Git URL", found["git_url"]),
            ("Made", f"{age(found['created_at'])} by {found['created_by']}"),
        ]
    )
    if found["functions"]:
        click.echo()
        header("Functions")
        table(
            [
                (f["process"], f["name"], f["runtime"], f"{f['memory']} MB", f"{f['timeout']} s")
                for f in found["functions"]
            ]
        )


@click.command()
@click.argument("name", metavar="APP[@ENV]", required=False)
@click.option("-a", "--app", metavar="APP[@ENV]", help="The same as the argument.")
@click.option("--confirm", metavar="APP", help="The app's name once more, instead of being asked for it.")
@click.pass_obj
def destroy(session: Session, name: str | None, app: str | None, confirm: str | None) -> None:
    """Delete an app: its functions, releases, config vars and git history.

    The app is never guessed from a git remote, and its name must be typed once more.
    """
    meant = name or app
    if not meant or (name and app and name != app):
        raise click.UsageError("name one app: laambda apps:destroy APP")
    found = session.client.app(meant)
    _confirm(found["app"], len(found["functions"]), confirm)
    with progress(f"Destroying {found['app']}") as state:
        deleted = session.client.destroy_app(found["app"])
        state.result = f"with {', '.join(deleted)}" if deleted else ""


def _confirm(app: str, functions: int, given: str | None) -> None:
    """Hear the app's name once more, or raise Conflict."""
    if given is None:
        live = f"{functions} live function{'' if functions == 1 else 's'}"
        warn(f"This deletes {app}: {live}, releases, config vars and git history.")
        warn(f'To proceed, type "{app}" or run this again with --confirm {app}')
        given = click.prompt(">", prompt_suffix=" ", err=True, default="", show_default=False)
    if given != app:
        raise Conflict(f"{given!r} is not {app!r}: nothing was destroyed")


def _live(version: int) -> str:
    return f"v{version}" if version else "no release yet"
