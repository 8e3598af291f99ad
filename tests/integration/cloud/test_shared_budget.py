"""One budget for all processes, kept by a real broker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from laambda.cloud.budget import Bucket, LocalBucket
from laambda.cloud.shared_budget import SharedBucket, budget_client
from tests.broker_fixture import Broker, emptied, running_broker

SPENDER = """
import sys, time
from laambda.cloud.budget import Budget
from laambda.cloud.shared_budget import SharedBucket, budget_client
budget = Budget(SharedBucket(budget_client(sys.argv[1]), "test", rate=100.0, burst=20.0))
print("ready", flush=True)
sys.stdin.readline()
end, spent = time.monotonic() + 2.0, 0
while time.monotonic() < end:
    budget.spend()
    spent += 1
print(spent)
"""


@pytest.fixture(params=["local", "valkey", "redis"])
def bucket(request: pytest.FixtureRequest, brokers: Callable[[str], Broker]) -> Bucket:
    """Of five tokens, one a second."""
    if request.param == "local":
        return LocalBucket(rate=1.0, burst=5.0)
    client = budget_client(emptied(brokers(request.param)).redis_url)
    return SharedBucket(client, "contract", rate=1.0, burst=5.0)


class TestBucket:
    def test_it_gives_what_it_has_and_then_says_how_long_to_wait(self, bucket: Bucket) -> None:
        assert [bucket.take(0.0) for _ in range(5)] == [0.0] * 5
        assert 0.5 < bucket.take(0.0) <= 1.0

    def test_the_last_tokens_are_for_those_who_may_take_them(self, bucket: Bucket) -> None:
        assert [bucket.take(3.0) for _ in range(2)] == [0.0] * 2
        assert 0.5 < bucket.take(3.0) <= 1.0
        assert [bucket.take(0.0) for _ in range(3)] == [0.0] * 3


def test_targets_have_budgets_of_their_own(broker: Broker) -> None:
    client = budget_client(broker.redis_url)
    here, there = (SharedBucket(client, f":{region}", burst=1.0) for region in ("us-east-1", "eu-west-1"))
    assert (here.take(0.0), there.take(0.0)) == (0.0, 0.0)
    assert here.take(0.0) > 0


def test_a_take_costs_less_than_a_millisecond(broker: Broker) -> None:
    bucket = SharedBucket(budget_client(broker.redis_url), "speed")
    bucket.take(0.0)
    took = []
    for _ in range(200):
        started = time.perf_counter()
        bucket.take(0.0)
        took.append(time.perf_counter() - started)
    assert sorted(took)[100] < 0.001


@pytest.mark.slow
def test_several_processes_stay_within_one_budget(broker: Broker) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SPENDER, broker.redis_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    pipes = [(process.stdin, process.stdout) for process in started if process.stdin and process.stdout]
    assert [said.readline() for _, said in pipes] == ["ready\n"] * 3
    began = time.monotonic()
    for told, _ in pipes:
        told.write("go\n")
        told.flush()
    spent = [int(process.communicate(timeout=30)[0]) for process in started]
    assert 100 < sum(spent) <= 20 + 100 * (time.monotonic() - began)
    assert min(spent) > 10


def test_without_a_broker_the_process_keeps_to_a_budget_of_its_own() -> None:
    now = 0.0
    with running_broker("valkey") as broker:
        bucket = SharedBucket(budget_client(broker.redis_url), "test", rate=1.0, burst=6.0, clock=lambda: now)
        assert bucket.take(0.0) == 0.0
        broker.kill()
        assert [bucket.take(0.0) for _ in range(6)] == [0.0] * 6
        assert bucket.take(0.0) == pytest.approx(1.0)
        broker.start()
        now = 10.0
        assert [bucket.take(0.0) for _ in range(6)] == [0.0] * 6
