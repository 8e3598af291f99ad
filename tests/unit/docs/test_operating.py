"""docs/operating.md: the settings and the processes are those of the code."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from pathlib import Path

from laambda.build import indexes
from laambda.cli.supervisor import read_procfile
from laambda.settings import Settings

ROOT = Path(__file__).parent.parent.parent.parent
PAGE = (ROOT / "docs" / "operating.md").read_text()
TABLE = dict(re.findall(r"^\| `LAAMBDA_([A-Z_]+)` \| ([^|]+) \|", PAGE, re.MULTILINE))

UNNAMED = {"UV_NATIVE_TLS", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES"}
"""Old names, and what nobody needs to be told of."""


def shown(default: object) -> str:
    """A default as the table writes it."""
    if default == "":
        return "empty"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def test_every_setting_is_in_the_table_and_nothing_else() -> None:
    assert sorted(TABLE) == sorted(field.name.upper() for field in fields(Settings))


def test_the_defaults_in_the_table_are_the_codes() -> None:
    mine = {field.name.upper(): shown(field.default) for field in fields(Settings) if field.default is not MISSING}
    assert {name: TABLE.get(name) for name in mine} == mine


def test_every_process_of_the_procfile_is_in_the_table_with_its_command() -> None:
    for line in (ROOT / "Procfile").read_text().splitlines():
        name, _, command = line.partition(": ")
        assert f"| {name} | `{command}` |" in PAGE
    assert len(read_procfile(ROOT / "Procfile")) == 5


def test_the_variables_that_uv_gets_are_named() -> None:
    mine = {name for name in indexes._PASSED if name.startswith("UV_") and name not in UNNAMED}
    assert [name for name in sorted(mine) if f"`{name}`" not in PAGE] == []
