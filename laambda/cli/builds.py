"""Builds."""

from __future__ import annotations

from collections.abc import Callable

import click

from laambda.cli.options import for_app, json_option, may_name_app, number_option
from laambda.cli.render import age, facts, header, print_json, progress, seconds, table, visible
from laambda.cli.session import Session
from laambda.client import BuildJson, succeeded
from laambda.errors import LaambdaError

_WARNING = " !     "
_COLORS = {"failed": "red", "errored": "red", "running": "yellow", "queued": "yellow"}


@click.command()
@for_app
@number_option
@json_option
def builds(session: Session, app: str, number: int, as_json: bool) -> None:
    """List an app's builds, the newest first."""
    found = session.client.builds(app, limit=number)
    if as_json:
        print_json(found)
    elif found:
        header(f"{app} Builds")
        table([_row(build) for build in found], [_COLORS.get(build["state"]) for build in found])
    else:
        click.echo(f"{app} has no builds. A git push of its main branch makes one.")


@click.command()
@click.argument("number", metavar="[N]", type=click.IntRange(1), required=False)
@may_name_app
@json_option
def info(session: Session, app: Callable[[], str], number: int | None, as_json: bool) -> None:
    """Show build N, by default the app's newest."""
    build = session.client.build(number) if number else session.client.newest_build(app())
    if as_json:
        print_json(build)
        return
    header(f"Build {build['id']} of {build['app']}")
    timings = ", ".join(f"{step} {spent:.2f} s" for step, spent in build["timings"].items())
    facts(
        [
            ("State", build["state"] + (f", {build['step']}" if build["state"] == "running" else "")),
            ("Error", visible(build["error"])),
            ("Kind", build["kind"]),
            ("Change", build["description"]),
            ("By", build["actor"]),
            ("When", f"{seconds(build['created_at'])} ({age(build['created_at'])})"),
            ("Commit", build["commit"]),
            ("Release", f"v{build['version']}" if build["version"] else ""),
            ("Node", build["node"]),
            ("Attempts", str(build["attempt"])),
            ("Steps", timings),
        ]
    )


@click.command()
@click.argument("number", metavar="[N]", type=click.IntRange(1), required=False)
@may_name_app
def output(session: Session, app: Callable[[], str], number: int | None) -> None:
    """Print the output of build N, by default the app's newest, live while it runs.

    Exits 1 where the build failed, 3 where it ended by an error of the farm.
    """
    _follow(session, number or session.client.newest_build(app())["id"])


@click.command()
@click.argument("number", metavar="[N]", type=click.IntRange(1), required=False)
@may_name_app
def cancel(session: Session, app: Callable[[], str], number: int | None) -> None:
    """Cancel build N, by default the app's newest. Whoever pushed it is told.

    A build that is being deployed runs to its end: undo it with `laambda rollback`.
    """
    build_id = number or session.client.newest_build(app())["id"]
    with progress(f"Cancelling build {build_id}"):
        session.client.cancel_build(build_id)


@click.command()
@click.argument("number", metavar="[N]", type=click.IntRange(1), required=False)
@may_name_app
@click.option("--no-cache", is_flag=True, help="Resolve dependencies anew, and build although nothing changed.")
def retry(session: Session, app: Callable[[], str], number: int | None, no_cache: bool) -> None:
    """Build the stored source of build N again, by default of the app's newest that did not succeed.

    It moves the branch as its push would have, unless it is there already. Exits as builds:output does.
    """
    again = (
        session.client.retry_build(number, no_cache=no_cache)
        if number
        else session.client.retry_newest(app(), no_cache=no_cache)
    )
    click.echo(f"-----> Build {again['id']} of {again['app']}: {again['description']}")
    _follow(session, again["id"])


def _follow(session: Session, build_id: int) -> None:
    """Print a build's lines, and end as it did: with its error, unless the lines say that already."""
    warnings = []
    for line in session.client.output(build_id):
        click.echo(line)
        if line.startswith(_WARNING):
            warnings.append(line.removeprefix(_WARNING))
    try:
        succeeded(build := session.client.build(build_id))
    except LaambdaError as error:
        if any(said in build["error"] or build["error"] in said for said in warnings):
            click.get_current_context().exit(error.exit_code)
        raise type(error)(error.message) from None


def _row(build: BuildJson) -> tuple[str, ...]:
    state = f"{build['state']} ({build['step']})" if build["state"] == "running" else build["state"]
    version = f"v{build['version']}" if build["version"] else ""
    return (
        str(build["id"]),
        state,
        build["description"][:60],
        version,
        build["actor"],
        age(build["created_at"]),
    )
