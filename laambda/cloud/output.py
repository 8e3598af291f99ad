"""Build output in Redis Streams: one stream a build, one entry a chunk of lines.

Streams, not pub/sub: a reader that comes late or reconnects misses nothing. An entry holds up to 50 lines, a stream
about 20,000 entries, and it expires a day after its last line; the object store keeps the lines for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import redis

from laambda.domain.log import OutputChunk
from laambda.errors import Unavailable

_CHUNK = 50
_ENTRIES = 20_000
_KEEP = 86_400


class RedisOutput:
    """Implements ``ports.BuildOutput``; safe for many threads, each blocked reader uses a connection of its own."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def append(self, build_id: int, lines: Sequence[str]) -> None:
        self._add(build_id, [{"lines": "\n".join(lines[i : i + _CHUNK])} for i in range(0, len(lines), _CHUNK)])

    def end(self, build_id: int) -> None:
        self._add(build_id, [{"end": "1"}])

    def read(self, build_id: int, cursor: str, *, wait: float) -> OutputChunk:
        block = max(1, int(wait * 1000)) if wait > 0 else None
        with _translated():
            answer = self._redis.xread({_key(build_id): cursor or "0"}, count=200, block=block)
        lines: list[str] = []
        last = cursor
        for last, values in _entries(answer):
            if "end" in values:
                return OutputChunk(tuple(lines), last, ended=True)
            lines += values["lines"].split("\n")
        return OutputChunk(tuple(lines), last, ended=False)

    def _add(self, build_id: int, entries: Sequence[dict[str, str]]) -> None:
        if not entries:
            return
        with _translated():
            pipe = self._redis.pipeline(transaction=False)
            for entry in entries:
                pipe.xadd(_key(build_id), entry, maxlen=_ENTRIES, approximate=True)  # type: ignore[arg-type]
            pipe.expire(_key(build_id), _KEEP)
            pipe.execute()


def _key(build_id: int) -> str:
    return f"laambda:output:{build_id}"


def _entries(answer: object) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The entries of the one stream that XREAD was asked for (https://redis.io/docs/latest/commands/xread/)."""
    for _, entries in cast("Sequence[tuple[str, Sequence[tuple[str, Mapping[str, str]]]]]", answer or ()):
        yield from entries


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
        raise Unavailable("the broker did not answer") from error
