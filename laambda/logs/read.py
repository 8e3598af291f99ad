"""Lines of all functions of an app, merged by time.

CloudWatch may show a line some seconds after later ones of another function, so whoever follows asks again from
OVERLAP before the newest line and drops the ids already seen.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

from laambda.domain.log import LogLine
from laambda.domain.names import Scope
from laambda.domain.release import ReleasedFunction
from laambda.errors import NotFound
from laambda.ports import FunctionLogs, Services

LINES_LIMIT = 10_000
OVERLAP = timedelta(seconds=10)
_WINDOWS = (timedelta(minutes=5), timedelta(hours=1), timedelta(days=1), timedelta(days=14))
_AT_ONCE = 8


def recent_lines(
    services: Services, scope: Scope, *, limit: int, process: str | None, now: datetime
) -> Sequence[LogLine]:
    """The last ``limit`` lines of the last 14 days, oldest first; looks no further back than it must."""
    logs, functions = _functions(services, scope, process)
    lines: Sequence[LogLine] = ()
    for window in _WINDOWS:
        lines = _to_the_end(logs, functions, now - window)
        if len(lines) >= limit:
            break
    return lines[-limit:]


def lines_since(
    services: Services, scope: Scope, *, since: datetime, limit: int, process: str | None
) -> Sequence[LogLine]:
    """Up to ``limit`` lines from ``since`` on, oldest first."""
    logs, functions = _functions(services, scope, process)
    return _merged(logs, functions, since, limit)


def _functions(
    services: Services, scope: Scope, process: str | None
) -> tuple[FunctionLogs, tuple[ReleasedFunction, ...]]:
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        target = tx.apps.environment(scope.environment).target
        functions = tx.releases.get(scope, app.live).functions if app.live else ()
    chosen = tuple(one for one in functions if process in (None, one.process))
    if process is not None and not chosen:
        known = ", ".join(one.process for one in functions) or "none before its first release"
        raise NotFound(f"{scope} has no process {process[:64]!r}", hint=f"It has: {known}")
    return services.cloud(target).logs, chosen


def _to_the_end(logs: FunctionLogs, functions: Sequence[ReleasedFunction], since: datetime) -> list[LogLine]:
    """From ``since`` to now: where a page is full, on from its last line, keeping the newest LINES_LIMIT."""
    kept: list[LogLine] = []
    while True:
        page = _merged(logs, functions, since, LINES_LIMIT)
        known = {line.id for line in kept}
        fresh = [line for line in page if line.id not in known]
        kept = [*kept, *fresh][-LINES_LIMIT:]
        if len(page) < LINES_LIMIT or not fresh:
            return kept
        since = page[-1].at


def _merged(logs: FunctionLogs, functions: Sequence[ReleasedFunction], since: datetime, limit: int) -> list[LogLine]:
    def of(function: ReleasedFunction) -> list[LogLine]:
        lines = logs.lines(function.name, since=since, limit=limit)
        return [replace(line, process=function.process) for line in lines]

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="logs") as pool:
        each = list(pool.map(of, functions))
    return list(heapq.merge(*each, key=lambda line: (line.at, line.id)))[:limit]
