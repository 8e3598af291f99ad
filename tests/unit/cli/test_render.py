"""How things look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from laambda.cli.render import age, progress, seconds, table, visible

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(seconds=-3), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 minute ago"),
        (timedelta(minutes=59), "59 minutes ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=40), "2026-09-22"),
    ],
)
def test_ages_are_said_as_people_say_them(before: timedelta, words: str) -> None:
    assert age((NOW - before).isoformat(), NOW) == words


def test_an_age_is_read_as_the_api_writes_it() -> None:
    assert age("2026-11-01T11:55:00.123456Z", NOW) == "4 minutes ago"


def test_columns_line_up(capsys: pytest.CaptureFixture[str]) -> None:
    table([("v10", "Deploy abc", "jim"), ("v9", "Rollback to v7", "")])
    assert capsys.readouterr().out == "v10  Deploy abc      jim\nv9   Rollback to v7\n"


def test_progress_tells_the_result_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Setting A on api") as state:
        state.result = "v10"
    assert capsys.readouterr() == ("", "Setting A on api... done, v10\n")


def test_progress_tells_a_failure_and_lets_it_pass(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), progress("Setting A on api"):
        raise ValueError("no")
    assert capsys.readouterr().err == "Setting A on api... failed\n"


def test_a_time_is_told_to_the_second() -> None:
    assert seconds("2026-11-01T13:55:00.123456+02:00") == "2026-11-01T11:55:00Z"


def test_a_traceback_keeps_its_indentation() -> None:
    assert visible("\u00a0\u00a0File \u2003x") == "  File  x"


def test_a_functions_line_can_not_steer_the_terminal() -> None:
    assert visible("a\x1b[2Jb\tc\r\x07") == "a[2Jb\tc"
