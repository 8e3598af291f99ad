"""SSH keys."""

from __future__ import annotations

from pathlib import Path

import click

from laambda.cli.options import json_option
from laambda.cli.render import header, print_json, progress, table
from laambda.cli.session import Session
from laambda.errors import InvalidInput, NotFound

FIRST_CHOICES = ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub")
_FILE_LIMIT = 16_384


@click.command()
@json_option
@click.pass_obj
def keys(session: Session, as_json: bool) -> None:
    """List the SSH keys that may push."""
    found = session.client.keys()
    if as_json:
        print_json(found)
    elif found:
        header("SSH keys")
        table([(key["user"], key["fingerprint"], key["kind"], key["comment"]) for key in found])
    else:
        click.echo("No key may push. Add yours with: laambda keys:add")


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--user", metavar="NAME", help="Who pushes with it; by default you.")
@click.pass_obj
def add(session: Session, file: Path | None, user: str | None) -> None:
    """Add an SSH key: FILE, by default the first of ~/.ssh."""
    path = file or first_key(Path(session.environ.get("HOME") or Path.home()) / ".ssh")
    line = _read(path)
    with progress(f"Adding {path}") as state:
        state.result = session.client.add_key(line, user=user)["fingerprint"]


@click.command()
@click.argument("name")
@click.pass_obj
def remove(session: Session, name: str) -> None:
    """Remove the SSH key with the fingerprint or comment NAME."""
    with progress(f"Removing {name}"):
        session.client.remove_key(name)


def first_key(folder: Path) -> Path:
    """The public key that ssh would offer first; NotFound where there is none."""
    for name in FIRST_CHOICES:
        if (folder / name).is_file():
            return folder / name
    raise NotFound(f"there is no public key in {folder}", hint="Make one with: ssh-keygen -t ed25519")


def _read(path: Path) -> str:
    """The file's text, unless it is a private key: that never leaves this machine."""
    try:
        with path.open() as file:
            text = file.read(_FILE_LIMIT).strip()
    except (OSError, UnicodeDecodeError):
        raise InvalidInput(f"{path} can't be read as a public key", hint="Give a .pub file") from None
    if "PRIVATE KEY" in text:
        raise InvalidInput(f"{path} is a private key: never give it away", hint=f"laambda keys:add {path}.pub")
    return text
