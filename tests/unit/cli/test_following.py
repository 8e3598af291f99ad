"""``logs --tail``: every new line once, whatever the clocks and however many come at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from laambda.cli.functions import following
from laambda.client import LogLineJson

START = datetime(2026, 11, 1, tzinfo=UTC)


def line(number: int, seconds: float) -> LogLineJson:
    at = (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")
    return {"id": f"e{number}", "at": at, "process": "create", "function": "f", "stream": "s", "message": str(number)}


class Written:
    """Answers as the API does, from the lines written so far; ``arrive`` adds the next batch at each wait."""

    def __init__(self, *batches: list[LogLineJson]) -> None:
        self.lines: list[LogLineJson] = []
        self.batches = list(batches)

    def logs(self, _: str, *, limit: int, process: str | None, since: str | None) -> list[LogLineJson]:
        ordered = sorted(self.lines, key=lambda one: datetime.fromisoformat(one["at"]))
        if since is None:
            return ordered[-limit:]
        return [one for one in ordered if datetime.fromisoformat(one["at"]) >= datetime.fromisoformat(since)][:limit]

    def arrive(self) -> None:
        self.lines += self.batches.pop(0)


def tail(written: Any, count: int, seen: list[LogLineJson] | None = None) -> list[str]:
    return [one["message"] for one in islice(following(written, "api", None, seen or [], written.arrive), count)]


def test_lines_that_come_later_are_told_once_each() -> None:
    written = Written([line(1, 0), line(2, 0.5)], [], [line(3, 1)], [line(4, 1)])
    assert tail(written, 4) == ["1", "2", "3", "4"]


def test_a_line_that_arrives_late_is_told_too() -> None:
    written = Written([line(1, 20)], [line(2, 15)], [line(3, 21)])
    assert tail(written, 3) == ["1", "2", "3"]


def test_lines_printed_before_are_not_told_again() -> None:
    written = Written([line(1, 0), line(2, 1)])
    assert tail(written, 1, [line(1, 0)]) == ["2"]


def test_lines_that_were_not_asked_for_are_not_told_after_newer_ones() -> None:
    written = Written([line(2000, 2)], [line(2001, 2.1)])
    written.lines = [line(number, number / 1000) for number in range(2000)]
    assert tail(written, 2, written.lines[-1000:]) == ["2000", "2001"]


def test_after_a_flood_its_lines_are_not_told_again() -> None:
    flood = [line(number, number / 1000) for number in range(1, 1500)]
    written = Written(flood, [], [line(1500, 3)])
    assert tail(written, 1500, [line(0, 0)]) == [str(number) for number in range(1, 1501)]


def test_a_flood_is_paged_through_without_a_gap() -> None:
    written = Written([line(number, number / 1000) for number in range(2500)])
    assert tail(written, 1500, [line(0, 0)]) == [str(number) for number in range(1, 1501)]
