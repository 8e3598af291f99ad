"""Following a build to its end, whatever becomes of its stream."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from laambda.dispatch.ending import close
from laambda.dispatch.follow import current, follow
from laambda.domain.build import BuildState
from laambda.errors import NotFound
from tests.unit.dispatch.conftest import House


def end(house: House, build_id: int) -> None:
    with house.services.database.write() as tx:
        tx.leases.end_queued(build_id, BuildState.FAILED, error="no")


def test_the_lines_then_the_end(house: House) -> None:
    build = house.push()
    house.output.append(build.id, ["a", "b"])
    end(house, build.id)
    close(house.services, build.id)
    assert list(follow(house.services, build.id)) == ["a", "b"]


def test_lines_that_come_while_one_follows_are_seen(house: House) -> None:
    build = house.push()
    house.output.append(build.id, ["a"])
    lines = follow(house.services, build.id)
    assert next(lines) == "a"
    house.output.append(build.id, ["b"])
    assert next(lines) == "b"
    end(house, build.id)
    house.output.end(build.id)
    assert list(lines) == []


def test_a_cursor_skips_what_was_read(house: House) -> None:
    build = house.push()
    house.output.append(build.id, ["a"])
    cursor = house.output.read(build.id, "", wait=0).cursor
    house.output.append(build.id, ["b"])
    end(house, build.id)
    house.output.end(build.id)
    assert list(follow(house.services, build.id, cursor=cursor)) == ["b"]


def test_the_kept_lines_stand_in_for_a_lost_stream(house: House) -> None:
    build = house.push()
    house.output.append(build.id, ["a", "b"])
    end(house, build.id)
    close(house.services, build.id)
    house.output.lose()
    assert list(follow(house.services, build.id)) == ["a", "b"]


def test_a_build_whose_lines_are_lost_for_good_still_ends(house: House) -> None:
    build = house.push()
    end(house, build.id)
    assert list(follow(house.services, build.id)) == []


def test_an_ended_row_ends_the_following_without_a_word_from_the_broker(house: House) -> None:
    build = house.push()
    house.output.append(build.id, ["a"])
    with ThreadPoolExecutor(1) as threads:
        lines = threads.submit(lambda: list(follow(house.services, build.id)))
        end(house, build.id)
        assert lines.result(timeout=20) == ["a"]


def test_a_broker_that_is_away_does_not_end_the_following(house: House) -> None:
    build = house.push()
    house.output.away = True
    with ThreadPoolExecutor(1) as threads:
        lines = threads.submit(lambda: list(follow(house.services, build.id)))
        house.output.away = False
        house.output.append(build.id, ["a"])
        end(house, build.id)
        house.output.end(build.id)
        assert lines.result(timeout=20) == ["a"]


def test_there_is_nothing_to_follow_where_there_is_no_row(house: House) -> None:
    with pytest.raises(NotFound):
        list(follow(house.services, 99))
    with pytest.raises(NotFound):
        current(house.services, 99)
