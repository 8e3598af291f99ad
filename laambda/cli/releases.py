"""Releases, and going back to one."""

from __future__ import annotations

import click

from laambda.cli.options import Version, for_app, json_option, number_option
from laambda.cli.render import age, facts, header, note, print_json, progress, seconds, table, warn
from laambda.cli.session import Session
from laambda.client import ReleaseJson

_COLORS = {"failed": "red", "pending": "yellow"}


@click.command()
@for_app
@number_option
@json_option
def releases(session: Session, app: str, number: int, as_json: bool) -> None:
    """List an app's releases, the newest first."""
    found = session.client.releases(app, limit=number)
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo(f"{app} has no releases. A git push of its main branch makes one.")
        return
    live = session.client.app(app)["live"]
    header(f"{app} Releases - Current: {f'v{live}' if live else 'none'}")
    table([_row(release) for release in found], [_color(release) for release in found])


@click.command()
@click.argument("version", type=Version(), required=False)
@for_app
@json_option
def info(session: Session, app: str, version: int | None, as_json: bool) -> None:
    """Show the release VERSION (v12), by default the current one."""
    found = session.client.release(app, version)
    if as_json:
        print_json(found)
        return
    header(f"{app} Release v{found['version']}")
    facts(
        [
            ("State", found["state"] + (", current" if found["current"] else "")),
            ("Change", found["description"]),
            ("By", found["actor"]),
            ("When", f"{seconds(found['created_at'])} ({age(found['created_at'])})"),
            ("Commit", found["commit"]),
            ("Slug", found["slug"]),
            ("Build", str(found["build"])),
        ]
    )
    if found["functions"]:
        click.echo()
        header("Functions")
        table(
            [
                (f["process"], f["name"], f"version {f['version']}", f["runtime"], f["handler"])
                for f in found["functions"]
            ]
        )


@click.command()
@click.argument("version", type=Version(), required=False)
@for_app
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
def rollback(session: Session, app: str, version: int | None, dry_run: bool) -> None:
    """Bring the release VERSION (v12) back, by default the last good one before the current one.

    Code and config vars go back together. Nothing is built, and a new release is recorded.
    """
    if dry_run:
        _preview(session, app, version)
        return
    before = session.client.app(app)["live"]
    build = session.client.roll_back(app, version)
    with progress(f"Rolling back {app} to v{build['target_version']}") as state:
        state.result = f"v{session.client.finish(build['id'])['version']}"
    warn("Rollback affects code and config vars.")
    note(f"To undo, run: laambda rollback v{before} -a {app}")


def _preview(session: Session, app: str, version: int | None) -> None:
    found = session.client.preview_rollback(app, version)
    header(f"{app} from v{found['current']} back to v{found['version']}")
    for line in found["lines"] or ["Nothing differs."]:
        click.echo(line)


def _row(release: ReleaseJson) -> tuple[str, ...]:
    failed = "" if release["state"] == "succeeded" else f" ({release['state']})"
    mark = "*" if release["current"] else ""
    description = f"{release['description'][:60]}{failed}"
    return (f"v{release['version']}{mark}", description, release["actor"], age(release["created_at"]))


def _color(release: ReleaseJson) -> str | None:
    return "green" if release["current"] else _COLORS.get(release["state"])
