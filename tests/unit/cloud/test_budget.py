"""Lambda's request rate."""

from __future__ import annotations

import pytest

from laambda.cloud.budget import PATIENCE, RESERVE, Budget, LocalBucket
from laambda.errors import Unavailable


class Time:
    """Passes by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.now += seconds

    def budget(self, bucket: LocalBucket, *, first: bool = False) -> Budget:
        return Budget(bucket, first=first, sleep=self.sleep, chance=lambda: 0.0)

    def bucket(self, *, burst: float, rate: float = 10.0) -> LocalBucket:
        return LocalBucket(rate=rate, burst=burst, clock=lambda: self.now)


def test_a_burst_is_free_and_then_requests_are_spaced() -> None:
    time = Time()
    budget = time.budget(time.bucket(burst=RESERVE + 3))
    for _ in range(5):
        budget.spend()
    assert time.slept == [0.1, 0.1]
    time.now += 60
    for _ in range(3):
        budget.spend()
    assert time.slept == [0.1, 0.1]


def test_a_rollback_takes_what_others_must_leave() -> None:
    time = Time()
    bucket = time.bucket(burst=RESERVE + 1)
    time.budget(bucket).spend()
    for _ in range(int(RESERVE)):
        time.budget(bucket, first=True).spend()
    assert time.slept == []
    time.budget(bucket).spend()
    assert sum(time.slept) == pytest.approx((RESERVE + 1) / 10)


def test_a_request_that_never_gets_a_token_is_refused_for_the_caller_to_look_again() -> None:
    time = Time()
    budget = time.budget(time.bucket(burst=RESERVE, rate=0.0001))
    with pytest.raises(Unavailable, match="all spent"):
        budget.spend()
    assert PATIENCE <= time.now < PATIENCE + 1
