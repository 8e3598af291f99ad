"""How things look in a terminal. Data goes to stdout; what is said meanwhile goes to stderr."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click

_AGES = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def header(text: str) -> None:
    """``=== text``"""
    click.echo(click.style(f"=== {text}", bold=True))


def table(rows: Sequence[Sequence[str]], colors: Sequence[str | None] = ()) -> None:
    """Columns as wide as their widest cell; ``colors`` is one for each row, or nothing."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, color in zip(rows, colors or [None] * len(rows), strict=True):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        click.echo(click.style(line, fg=color) if color else line)


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """``Name:  value``, the values under each other; pairs without a value are left out."""
    table([(f"{name}:", value) for name, value in pairs if value])


def print_json(value: object) -> None:
    """As the API gives it."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def age(moment: str, now: datetime | None = None) -> str:
    """``5 minutes ago`` for an ISO 8601 time; the date after 30 days."""
    at = datetime.fromisoformat(moment)
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))  # clocks differ
    if seconds >= 30 * 86_400:
        return at.date().isoformat()
    for length, unit in _AGES:
        if count := seconds // length:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def visible(text: str) -> str:
    """``text`` without control characters but tabs: it may come from anybody's function.

    Spaces of any kind are plain ones: Python's runtime indents tracebacks with U+00A0.
    """
    spaced = (" " if unicodedata.category(char) == "Zs" else char for char in text)
    return "".join(char for char in spaced if char == "\t" or char.isprintable())


def seconds(moment: str) -> str:
    """An ISO 8601 time to the second, in UTC: ``2026-11-01T11:55:00Z``."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Progress:
    """What ``progress`` gives: ``result`` is said after ``done``."""

    result = ""


@contextmanager
def progress(text: str) -> Iterator[Progress]:
    """``text... done, result`` on stderr; ``text... failed`` where the block raises."""
    click.echo(f"{text}... ", nl=False, err=True)
    state = Progress()
    try:
        yield state
    except BaseException:
        click.echo(click.style("failed", fg="red"), err=True)
        raise
    click.echo(f"done, {state.result}" if state.result else "done", err=True)


def warn(text: str) -> None:
    """`` !     text`` on stderr."""
    click.echo(click.style(" !     ", fg="yellow") + text, err=True)


def note(text: str) -> None:
    """A line under a warning, on stderr."""
    click.echo(f"       {text}", err=True)
