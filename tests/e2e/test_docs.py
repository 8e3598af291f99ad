"""docs/first-app.md, typed into a real farm: every command works and gives what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.farm import ARCHITECTURE, Farm

PAGE = Path(__file__).parent.parent.parent / "docs" / "first-app.md"
_BLOCK = re.compile(r"^```(\S+)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_DIFFERS = (
    (r"127\.0\.0\.1:\d+", "HOST"),
    (r"\b[Bb]uild \d+|builds:output \d+|^\d+(?=  )", "BUILD"),
    (r"\b[0-9a-f]{7}\b", "COMMIT"),
    (r"python3\.\d+", "RUNTIME"),
    (r"\d+\.\d\d s\b", "SECONDS"),
    (r"\b\d+ KB", "SIZE"),
    (r"just now|\d+ minutes? ago", "AGE"),
    (r"\s+", " "),
)


@dataclass(frozen=True)
class Example:
    """A command with the lines that it shall print, or a file to write (``command`` is its name then)."""

    command: str
    lines: tuple[str, ...]
    writes: bool = False


def examples(page: str) -> Iterator[Example]:
    """The page's ```` ```console ```` blocks command by command, and blocks with a file's name, in order."""
    for kind, name, body in _BLOCK.findall(page):
        if name:
            yield Example(name, (body,), writes=True)
        elif kind == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, *lines = part.splitlines()
                yield Example(command, tuple(lines))


def fits(shown: Sequence[str], said: Sequence[str]) -> bool:
    """Whether ``said`` is what the page shows: ``...`` stands for anything, a line of its own for lines."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(alike(line)).replace(r"\.\.\.", ".*") + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(f"{alike(line)}\n" for line in said)) is not None


def alike(line: str) -> str:
    """``line`` without what differs from run to run, so that page and farm can be compared."""
    for what, name in _DIFFERS:
        line = re.sub(what, name, line)
    return line.rstrip()


def test_an_ellipsis_stands_for_lines_and_for_parts_of_one() -> None:
    assert fits(["a", "...", "b ... d"], ["a", "x", "y", "b c d"])
    assert fits(["a", "..."], ["a"])
    assert not fits(["a", "b"], ["a", "x", "b"])


def test_what_differs_from_run_to_run_is_no_difference() -> None:
    assert fits(["12  failed  built in 0.02 s  just now"], ["7  failed   built in 1.20 s  1 minute ago"])
    assert not fits(["v4*  Rollback to v1"], ["v5*  Rollback to v1"])


@pytest.mark.slow
@pytest.mark.skipif(ARCHITECTURE != "x86_64", reason="the page is written for x86_64")
def test_the_first_app_goes_as_its_page_says(farm: Farm) -> None:
    folder = farm.home / "work"
    for example in examples(PAGE.read_text()):
        if example.writes:
            (folder / example.command).write_text(example.lines[0])
        elif example.command.startswith("cd "):
            folder /= example.command.removeprefix("cd ")
        else:
            done = farm.run("bash", "-c", example.command, folder=folder)
            said = [line.rstrip() for line in done.output.splitlines()]
            assert fits(example.lines, said), f"$ {example.command}\n{done.output}\nThe page:\n" + "\n".join(
                example.lines
            )
            assert (done.code != 0) == any("rejected]" in line for line in example.lines)
