"""docs/apps.md: lists that the code decides are the code's."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from laambda.build.buildpacks.python import _FOREIGN_LOCKS
from laambda.build.limits import UNPACKED_LIMIT
from laambda.build.manifest import Manifest
from laambda.build.source import MAX_BYTES, MAX_FILES
from laambda.build.tree import BUILT_IN
from laambda.domain.config import ENVIRONMENT_LIMIT
from laambda.domain.function import FunctionSettings
from laambda.domain.names import FUNCTION_NAME_LIMIT
from laambda.domain.procfile import HANDLER_LIMIT, MAX_PROCESSES
from receiver.limits import Limits

PAGE = (Path(__file__).parent.parent.parent.parent / "docs" / "apps.md").read_text()


def test_what_is_never_packed_is_named() -> None:
    assert [name for name in BUILT_IN if f"`{name}`" not in PAGE] == []


def test_the_keys_of_laambda_toml_are_named() -> None:
    assert [field.name for field in fields(Manifest) if f"| `{field.name}` |" not in PAGE] == []


def test_foreign_locks_are_named_with_their_way_out() -> None:
    assert [text for pair in _FOREIGN_LOCKS.items() for text in pair if f"`{text}`" not in PAGE] == []


@pytest.mark.parametrize(
    "words",
    [
        f"{FunctionSettings('', '', '').timeout} s timeout, {FunctionSettings('', '', '').memory} MB memory",
        f"| {UNPACKED_LIMIT >> 20} MB; ",
        f"| {ENVIRONMENT_LIMIT // 1024} KB |",
        f"| {FUNCTION_NAME_LIMIT} characters |",
        f"| {HANDLER_LIMIT} characters |",
        f"| {MAX_PROCESSES} |",
        f"| {MAX_FILES:,} files, {MAX_BYTES >> 20} MB |",
        f"| {Limits().pack_bytes >> 30} GB of git objects |",
    ],
)
def test_limits_are_those_of_the_code(words: str) -> None:
    assert words in PAGE
