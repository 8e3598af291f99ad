"""One bucket of Lambda's request rate for the whole farm, kept in the broker.

The broker's clock counts and a script decides, so that nodes need not agree on anything. Nothing depends on it but
politeness: where the broker is away, each process spends a bucket of its own until it is back.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import cast

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from laambda.cloud.budget import BURST, RATE, LocalBucket

_log = logging.getLogger(__name__)

_ANSWER = 0.25
"""Seconds that the broker has to answer: it takes less than one thousandth of that."""

LONE = 5.0
"""Seconds for which a broker that did not answer is not asked again."""

_KEPT = 10_000
"""Milliseconds: a bucket that nobody touched for so long is full."""

_TAKE = f"""
local now = redis.call('TIME')
local at = now[1] + now[2] / 1000000
local kept = redis.call('HMGET', KEYS[1], 'left', 'at')
local rate, burst, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local left = tonumber(kept[1]) or burst
left = math.min(burst, left + math.max(0, at - (tonumber(kept[2]) or at)) * rate)
local wait = 0
if left - 1 >= floor then left = left - 1 else wait = math.ceil((floor + 1 - left) / rate * 1000000) end
redis.call('HSET', KEYS[1], 'left', string.format('%.6f', left), 'at', string.format('%.6f', at))
redis.call('PEXPIRE', KEYS[1], {_KEPT})
return wait
"""
"""Takes a token where more than ``floor`` stay; else gives the microseconds until that can be. The server's clock."""


class SharedBucket:
    """Implements ``Bucket`` for all processes that use one broker; ``alone`` serves while it is away."""

    def __init__(
        self,
        client: redis.Redis,
        name: str,
        *,
        rate: float = RATE,
        burst: float = BURST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._script = client.register_script(_TAKE)
        self._key = f"laambda:budget:{name}"
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._alone = LocalBucket(rate=rate, burst=burst, clock=clock)
        self._alone_until = float("-inf")

    def take(self, floor: float) -> float:
        if self._clock() < self._alone_until:
            return self._alone.take(floor)
        try:
            wait = cast("int", self._script(keys=[self._key], args=[self._rate, self._burst, floor]))
        except redis.RedisError as error:
            _log.warning("the broker does not answer (%s): this process keeps its own budget", type(error).__name__)
            self._alone_until = self._clock() + LONE
            return self._alone.take(floor)
        return wait / 1_000_000


def budget_client(url: str) -> redis.Redis:
    """A client for ``SharedBucket``, which rather goes on alone than waits."""
    return redis.Redis.from_url(
        url, socket_connect_timeout=_ANSWER, socket_timeout=_ANSWER, retry=Retry(NoBackoff(), 0)
    )
