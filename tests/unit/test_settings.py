"""Settings: what is read, and what is refused."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from laambda import settings
from laambda.errors import InvalidInput
from laambda.settings import Settings, load, unknown


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("LAAMBDA_CONCURRENCY", "0", "LAAMBDA_CONCURRENCY='0' is not from 1 to 1000"),
        ("LAAMBDA_LEASE", "-1", "LAAMBDA_LEASE='-1' is not from 0.1"),
        ("LAAMBDA_LEASE", "nan", "LAAMBDA_LEASE='nan' is not from"),
        ("LAAMBDA_ATTEMPTS", "0", "is not from 1"),
        ("LAAMBDA_SSH_PORT", "65536", "is not from 0 to 65535"),
        ("LAAMBDA_SLOTS", "many", "LAAMBDA_SLOTS='many' is not a number"),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_by_name(tmp_path: Path, name: str, value: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        load({"LAAMBDA_HOME": str(tmp_path), name: value})


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / "laambda.env").write_text("# ports\nLAAMBDA_SSH_PORT=22\nLAAMBDA_API_PORT=80\n")
    read = load({"LAAMBDA_HOME": str(tmp_path), "LAAMBDA_SSH_PORT": "0"})
    assert (read.ssh_port, read.api_port) == (0, 80)


def test_every_number_has_its_range() -> None:
    numbers = [each.name for each in fields(Settings) if str(each.type) in ("int", "float")]
    assert sorted(settings._RANGES) == sorted(numbers)


def test_a_misspelt_setting_is_found_in_environment_and_file(tmp_path: Path) -> None:
    (tmp_path / "laambda.env").write_text("LAAMBDA_SLOT=3\n")
    given = {"LAAMBDA_HOME": str(tmp_path), "LAAMBDA_CONCURENCY": "4", "LAAMBDA_TOKEN": "x", "PATH": "/bin"}
    assert unknown(given) == ["LAAMBDA_CONCURENCY", "LAAMBDA_SLOT"]
