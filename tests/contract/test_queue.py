"""What every TaskQueue keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from laambda.cloud.queue import CeleryQueue, sender
from laambda.domain.build import Build, BuildKind, Step, steps_of
from laambda.domain.names import Scope
from laambda.errors import Unavailable
from laambda.ports import TaskQueue
from tests.broker_fixture import running_broker
from tests.fakes.queue import FakeQueue

BUILD = Build(Scope("api"), BuildKind.PUSH, "jim", "Deploy", id=12)


@pytest.fixture(params=["fake", "valkey", "redis"])
def killable(request: pytest.FixtureRequest) -> Iterator[tuple[TaskQueue, object]]:
    """A queue with a broker of its own, and how to lose that broker."""
    if request.param == "fake":
        fake = FakeQueue()
        yield fake, fake
        return
    with running_broker(request.param) as broker, broker.client() as client:
        yield CeleryQueue(sender(broker.url), client), broker


def test_the_first_question_to_an_empty_broker_tells_that_data_was_lost(killable: tuple[TaskQueue, object]) -> None:
    queue, _ = killable
    assert [queue.survived(), queue.survived(), queue.survived()] == [False, True, True]


def test_a_chain_can_be_sent_whole_or_from_a_later_link(killable: tuple[TaskQueue, object]) -> None:
    queue, _ = killable
    queue.send(BUILD, steps_of(BUILD.kind), queue="builds")
    queue.send(BUILD, (Step.RECORD,), queue="node.a", token=7)


def test_a_broker_that_is_away_is_unavailable_and_loses_nothing_it_had(killable: tuple[TaskQueue, object]) -> None:
    queue, broker = killable
    queue.survived()
    lose_broker(broker)
    with pytest.raises(Unavailable, match="broker"):
        queue.send(BUILD, (Step.EXTRACT,), queue="builds")
    assert queue.survived(), "no answer is not an answer"


def lose_broker(broker: object) -> None:
    if isinstance(broker, FakeQueue):
        broker.away = True
    else:
        broker.kill()  # type: ignore[attr-defined]
