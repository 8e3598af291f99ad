"""docs/cli.md: a section for every command, with the options that it has."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import click
import pytest

from laambda.cli.commands import COMMANDS

PAGE = Path(__file__).parent.parent.parent.parent / "docs" / "cli.md"
SHARED = {"--app", "--env", "--remote"}
"""Explained once: a section says "of an app" for them."""


def sections() -> dict[str, str]:
    """The text under each third-level heading, by the heading's first word."""
    found = {}
    for part in re.split(r"^### ", PAGE.read_text(), flags=re.MULTILINE)[1:]:
        heading, _, text = re.split(r"^## ", part, flags=re.MULTILINE)[0].partition("\n")
        found[heading.split()[0]] = text
    return found


def options(name: str) -> set[str]:
    """The long options of a command."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    given = [opt for param in command.params if isinstance(param, click.Option) for opt in param.opts]
    return {opt for opt in given if opt.startswith("--")}


def named(text: str) -> set[str]:
    """The long options that a section explains."""
    listed = set(re.findall(r"`(?:-\w, )?(--[a-z-]+)[^`]*`", text))
    return listed | (SHARED if re.search(r"\b[Oo]f an app\b", text) else set())


def test_every_command_has_its_section_and_no_section_is_left_over() -> None:
    assert sorted(sections()) == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_section_names_the_options_of_its_command(name: str) -> None:
    assert named(sections().get(name, "")) == options(name)
