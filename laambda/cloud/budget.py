"""How many control-plane requests Lambda takes: 15 a second in all, per account and region.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests (GetFunction, GetPolicy and
invocations have limits of their own). Rollbacks go first, since only they may take a bucket's last tokens. AWS has
the last word: a request that it throttles all the same is retried by whoever made it.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Protocol

from laambda.errors import Unavailable

RATE = 15.0
"""Requests a second."""

BURST = 12.0
"""Requests at once after a quiet second: those of a code update of two functions, and the reserve."""

RESERVE = 4.0
"""Tokens that are kept for rollbacks: as many as one of two functions spends."""

PATIENCE = 5.0
"""Seconds that a request waits for its token: with the request itself well under a lease."""


class Bucket(Protocol):
    """Tokens that come back with time."""

    def take(self, floor: float) -> float:
        """Take one where at least ``floor`` stay, and give 0; else the seconds until that can be."""


class LocalBucket:
    """Implements ``Bucket`` for the threads of one process."""

    def __init__(
        self, *, rate: float = RATE, burst: float = BURST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        self._left = burst
        self._at = clock()

    def take(self, floor: float) -> float:
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
            if self._left - 1 >= floor:
                self._left -= 1
                return 0.0
            return (floor + 1 - self._left) / self._rate


class Budget:
    """Spends a bucket's tokens, one a request. ``first`` may take the reserve too."""

    def __init__(
        self,
        bucket: Bucket,
        *,
        first: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._bucket = bucket
        self._floor = 0.0 if first else RESERVE
        self._sleep = sleep
        self._chance = chance

    def spend(self) -> None:
        """Take one request out of the budget, sleeping until there is one; those who wait don't all come back at once.

        Raises Unavailable after ``PATIENCE``: the caller makes sure again that it may still write.
        """
        waited, tries = 0.0, 0
        while wait := self._bucket.take(self._floor):
            if waited >= PATIENCE:
                raise Unavailable("the requests that AWS Lambda takes in a second are all spent")
            tries += 1
            wait = min(wait * (1 + self._chance() * tries), 0.5)
            self._sleep(wait)
            waited += wait
