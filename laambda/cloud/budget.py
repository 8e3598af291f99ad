"""How many control-plane requests Lambda takes: 15 a second in all, per account and region.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html#api-requests (GetFunction, GetPolicy and
invocations have limits of their own). One bucket per process so far; several nodes can still be throttled
together, and then retry.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Budget:
    """A token bucket: ``rate`` requests a second, up to ``burst`` at once; ``spend`` waits for its turn."""

    def __init__(
        self,
        rate: float = 15.0,
        burst: float = 15.0,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._left = burst
        self._at = clock()

    def spend(self) -> None:
        """Take one request out of the budget, sleeping until there is one."""
        with self._lock:
            now = self._clock()
            self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
            self._at = now
            wait = -self._left / self._rate
        if wait > 0:
            self._sleep(wait)
