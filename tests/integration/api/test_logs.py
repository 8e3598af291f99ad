"""Lines of all functions of an app as one stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from laambda.domain.log import LogLine
from tests.integration.api.house import House

START = datetime.now(UTC) - timedelta(minutes=2)


def line(number: int, process: str, text: str, *, before: timedelta = timedelta()) -> LogLine:
    at = START + timedelta(seconds=number) - before
    return LogLine(at, f"api-{process}", "", "stream", text, f"{process}-{number}")


def test_lines_of_all_functions_are_merged_by_time(house: House) -> None:
    house.app()
    house.push()
    house.logs.written += [line(3, "create", "third"), line(1, "create", "first"), line(2, "resize", "se\x1b[31mcond")]
    shown = house.laambda("logs", "-a", "api").out.splitlines()
    assert [one.split(" ", 1)[1] for one in shown] == ["create: first", "resize: se[31mcond", "create: third"]


def test_the_last_lines_are_asked_for_and_found_days_back(house: House) -> None:
    house.app()
    house.push()
    old = timedelta(days=3)
    house.logs.written += [line(number, "create", f"line {number}", before=old) for number in range(5)]
    shown = house.laambda("logs", "-a", "api", "-n", "2", "--json").out.splitlines()
    assert [json.loads(one)["message"] for one in shown] == ["line 3", "line 4"]


def test_a_traceback_is_shown_line_by_line(house: House) -> None:
    house.app()
    house.push()
    house.logs.written.append(line(1, "create", "[ERROR] ValueError: no\rTraceback:\r  File app.py"))
    shown = house.laambda("logs", "-a", "api").out.splitlines()
    assert [one.split(" ", 1)[1] for one in shown] == [
        "create: [ERROR] ValueError: no",
        "create: Traceback:",
        "create:   File app.py",
    ]


def test_one_process_can_be_chosen(house: House) -> None:
    house.app()
    house.push()
    house.logs.written += [line(1, "create", "mine"), line(2, "resize", "other")]
    assert house.laambda("logs", "-a", "api", "-p", "create").out.endswith("create: mine\n")


def test_lines_since_a_moment_come_from_the_first_on(house: House) -> None:
    house.app()
    house.push()
    house.logs.written += [line(number, "create", f"line {number}") for number in range(5)]
    since = (START + timedelta(seconds=2)).isoformat()
    found = house.client.logs("api", since=since, limit=2)
    assert [one["message"] for one in found] == ["line 2", "line 3"]


def test_an_app_without_a_release_has_no_lines(house: House) -> None:
    house.app()
    said = house.laambda("logs", "-a", "api")
    assert (said.code, said.out) == (0, "")
