"""What every BuildOutput keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from laambda.cloud.output import RedisOutput
from laambda.errors import Unavailable
from laambda.ports import BuildOutput
from tests.broker_fixture import BROKERS, Broker, emptied, running_broker
from tests.fakes.output import FakeOutput


@pytest.fixture(params=["fake", *BROKERS])
def output(request: pytest.FixtureRequest, brokers: Callable[[str], Broker]) -> Iterator[BuildOutput]:
    if request.param == "fake":
        yield FakeOutput()
        return
    with emptied(brokers(request.param)).client() as client:
        yield RedisOutput(client)


def test_lines_come_in_order_and_a_cursor_goes_on_after_the_last(output: BuildOutput) -> None:
    output.append(1, ["a", "b"])
    first = output.read(1, "", wait=0)
    output.append(1, ["c"])
    second = output.read(1, first.cursor, wait=0)
    assert (first.lines, first.ended) == (("a", "b"), False)
    assert (second.lines, second.ended) == (("c",), False)


def test_two_readers_both_see_every_line(output: BuildOutput) -> None:
    output.append(1, ["a"])
    assert output.read(1, "", wait=0).lines == output.read(1, "", wait=0).lines == ("a",)


def test_nothing_new_leaves_the_cursor_where_it_is(output: BuildOutput) -> None:
    output.append(1, ["a"])
    cursor = output.read(1, "", wait=0).cursor
    nothing = output.read(1, cursor, wait=0.01)
    assert (nothing.lines, nothing.cursor, nothing.ended) == ((), cursor, False)


def test_a_build_without_lines_is_empty_not_an_error(output: BuildOutput) -> None:
    nothing = output.read(9, "", wait=0)
    assert (nothing.lines, nothing.cursor, nothing.ended) == ((), "", False)


def test_the_end_comes_after_the_last_line(output: BuildOutput) -> None:
    output.append(1, ["a"])
    output.end(1)
    chunk = output.read(1, "", wait=0)
    assert (chunk.lines, chunk.ended) == (("a",), True)


def test_builds_do_not_see_each_other(output: BuildOutput) -> None:
    output.append(1, ["a"])
    output.end(1)
    assert output.read(2, "", wait=0).lines == ()


def test_more_lines_than_a_chunk_holds_all_arrive(output: BuildOutput) -> None:
    lines = [f"line {number}" for number in range(333)]
    output.append(1, lines)
    output.end(1)
    found: list[str] = []
    chunk = output.read(1, "", wait=0)
    while not chunk.ended:
        found += chunk.lines
        chunk = output.read(1, chunk.cursor, wait=0)
    assert [*found, *chunk.lines] == lines


def test_a_waiting_reader_wakes_with_the_line(output: BuildOutput) -> None:
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(output.read, 1, "", wait=30)
        output.append(1, ["a"])
        assert reading.result(timeout=10).lines == ("a",)


def test_empty_lines_and_no_lines_differ(output: BuildOutput) -> None:
    output.append(1, [])
    output.append(1, ["", "a", ""])
    assert output.read(1, "", wait=0).lines == ("", "a", "")


@pytest.mark.parametrize("kind", ["fake", "valkey"])
def test_a_broker_that_is_away_is_unavailable(kind: str) -> None:
    if kind == "fake":
        fake = FakeOutput()
        fake.away = True
        check_away(fake)
        return
    with running_broker(kind) as broker, broker.client() as client:
        broker.kill()
        check_away(RedisOutput(client))


def check_away(output: BuildOutput) -> None:
    for act in (lambda: output.append(1, ["a"]), lambda: output.end(1), lambda: output.read(1, "", wait=0)):
        with pytest.raises(Unavailable, match="broker"):
            act()


def test_lines_are_lost_with_the_broker_and_nothing_else(broker: Broker) -> None:
    with broker.client() as client:
        output = RedisOutput(client)
        output.append(1, ["a"])
        client.flushall()
        output.append(1, ["b"])
        assert output.read(1, "", wait=0).lines == ("b",)
