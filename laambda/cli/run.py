"""Runs a command line: the lazy group, and errors as one line with an exit code (0 ok, 1 theirs, 2 usage, 3 ours)."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import click

from laambda.cli.commands import COMMANDS, GROUPS
from laambda.cli.session import Session
from laambda.errors import LaambdaError

INTERRUPTED = 130


class LazyGroup(click.Group):
    """Finds a command's module in the table, and imports it only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click names it
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.place.partition(":")
        command = getattr(importlib.import_module(module), attribute)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"Did you mean `laambda {near[0]}`?" if near else "`laambda --help` lists them"
            raise click.UsageError(f"{args[0]!r} is not a command. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        width = max(map(len, COMMANDS))
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), entry.help) for name, entry in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=entry.help) for name, entry in COMMANDS.items() if name.startswith(incomplete)
        ]


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    subcommand_metavar="COMMAND [OPTIONS]",
)
@click.version_option(package_name="laambda", message="laambda %(version)s")
def cli() -> None:
    """git push to AWS Lambda, in your own account.

    The app is the one of -a APP, else of LAAMBDA_APP, else of this folder's git remote.
    """


def run(args: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command line; gives the exit code. Errors go to stderr as `` !     what is wrong``."""
    color = False if environ.get("NO_COLOR") else None
    session = Session(environ)
    try:
        code = cli.main(_with_help(args), prog_name="laambda", standalone_mode=False, obj=session, color=color)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "laambda"
        return _tell(error.format_message(), f"See `{command} --help`", error.exit_code, color)
    except click.ClickException as error:
        return _tell(error.format_message(), "", error.exit_code, color)
    except LaambdaError as error:
        return _tell(error.message, error.hint, error.exit_code, color)
    except (click.Abort, KeyboardInterrupt):
        click.echo(err=True)
        return INTERRUPTED
    finally:
        session.close()
    return code if isinstance(code, int) else 0


def _with_help(args: Sequence[str]) -> list[str]:
    """No command at all asks for help, and so does ``help [COMMAND]``."""
    if not args or args[0] == "help":
        return [*args[1:2], "--help"]
    return list(args)


def _tell(message: str, hint: str, code: int, color: bool | None) -> int:
    click.echo(click.style(" !     ", fg="red") + message, err=True, color=color)
    if hint:
        click.echo(f"       {hint}", err=True, color=color)
    return code
