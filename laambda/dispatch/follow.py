"""Following a build: its lines as they come, and its end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from laambda.dispatch.ending import archived_lines
from laambda.domain.build import Build
from laambda.errors import NotFound, Unavailable
from laambda.ports import Services

POLL = 1.0
"""Seconds without a line after which the row itself is asked: the stream may be lost, the row is not."""

LAST_WORDS = timedelta(seconds=10)


def follow(services: Services, build_id: int, *, cursor: str = "") -> Iterator[str]:
    """Lines of the build from ``cursor`` on, live until the row has ended. A lost stream only loses lines."""
    seen = False
    while True:
        build = current(services, build_id)
        try:
            chunk = services.output.read(build_id, cursor, wait=0 if _long_over(build) else POLL)
        except Unavailable:
            if build.state.ended:
                break
            time.sleep(POLL)
            continue
        seen = seen or bool(chunk.lines)
        yield from chunk.lines
        cursor = chunk.cursor
        if chunk.ended or (build.state.ended and not chunk.lines):
            break
    if not seen:
        yield from _archived(services, build_id)


def _long_over(build: Build) -> bool:
    """Whether its last lines, which are written just after the row's end, must be there by now."""
    return build.ended_at is not None and datetime.now(UTC) - build.ended_at > LAST_WORDS


def current(services: Services, build_id: int) -> Build:
    """The row as it is now; NotFound where there is none."""
    with services.database.read() as tx:
        return tx.builds.get(build_id)


def _archived(services: Services, build_id: int) -> list[str]:
    try:
        return archived_lines(services, build_id)
    except (NotFound, Unavailable):
        return []
