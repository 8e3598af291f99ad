"""How long a deploy waits: the one place where the release package meets time and chance."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """All in seconds, but for ``workers``: so many functions are worked on at once.

    ``retry`` bounds the retries of one call, and is at most a lease; ``settle`` bounds the wait for a function to
    become Active, which takes AWS minutes in a VPC. Waits grow from ``first`` to ``longest``.
    """

    retry: float = 30.0
    settle: float = 300.0
    workers: int = 8
    first: float = 0.02
    longest: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def tries(self, seconds: float) -> Iterator[None]:
        """Yield at once, then after growing waits with jitter (so that functions don't retry in step), until
        ``seconds`` have passed."""
        end = self.clock() + seconds
        wait = self.first
        yield
        while self.clock() < end:
            self.sleep(wait * (0.5 + self.chance()))
            wait = min(wait * 1.6, self.longest)
            yield
