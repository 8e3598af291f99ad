"""Lambda's request rate."""

from __future__ import annotations

from laambda.cloud.budget import Budget


def test_a_burst_is_free_and_then_requests_are_spaced() -> None:
    slept: list[float] = []
    now = [0.0]

    def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))
        now[0] += seconds

    budget = Budget(rate=10, burst=3, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        budget.spend()
    assert slept == [0.1, 0.1]
    now[0] += 60
    for _ in range(3):
        budget.spend()
    assert slept == [0.1, 0.1]
