"""Streaming lines from a blocking iterator, in threads of their own so that watchers can't starve other requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import anyio
import anyio.to_thread
from fastapi.responses import StreamingResponse

WATCHERS = 200
"""Streams that may wait for a line at once; one more waits for its turn."""

_limiters: anyio.lowlevel.RunVar[anyio.CapacityLimiter] = anyio.lowlevel.RunVar("laambda_watchers")


def lines_response(lines: Iterator[str]) -> StreamingResponse:
    """``text/plain``, one chunk a line; an error on the way cuts the stream, which the client notices."""
    return StreamingResponse(_encoded(lines), media_type="text/plain; charset=utf-8")


async def _encoded(lines: Iterator[str]) -> AsyncIterator[bytes]:
    while (line := await anyio.to_thread.run_sync(next, lines, None, limiter=_limiter())) is not None:
        yield f"{line}\n".encode()


def _limiter() -> anyio.CapacityLimiter:
    """One a running event loop."""
    try:
        return _limiters.get()
    except LookupError:
        limiter = anyio.CapacityLimiter(WATCHERS)
        _limiters.set(limiter)
        return limiter
