"""Whose turn it is: pure rules over the unfinished rows of all apps.

- An app has at most one row in each phase, running or on its way to a worker. A row whose lease expired keeps its
  phase until it is claimed again.
- An attached push waits for earlier unfinished attached rows that move one of its refs, and does not start while
  another row of its app deploys. What has no build may deploy while a push builds.
- Rollbacks go first, then the apps that waited longest since their last start, each with one row before any with two.
- The newest detached push or retry supersedes the older queued ones of its app that move the same ref. An attached
  push is never superseded: somebody waits for it.
- A slot is for building: what only deploys takes none, so that a rollback never waits for a build.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from laambda.domain.build import BuildKind, Phase, Step, phase_of
from laambda.domain.names import Scope

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Waiting:
    """An unfinished row as the dispatcher sees it. ``idle``: queued, or running with an expired lease;
    ``sent``: on its way to a worker. ``refs`` are the names it moves."""

    id: int
    scope: Scope
    kind: BuildKind
    step: Step
    phase: Phase | None
    detached: bool
    idle: bool
    sent: bool
    refs: frozenset[str] = frozenset()
    last_start: datetime | None = None

    @property
    def wants(self) -> Phase:
        """The phase that a claim would put it in."""
        return phase_of(self.step)

    @property
    def starts_attached(self) -> bool:
        return self.kind is BuildKind.PUSH and not self.detached and self.phase is None

    @property
    def stands_alone(self) -> bool:
        """Whether nobody's connection waits for it."""
        return self.kind is BuildKind.RETRY or (self.kind is BuildKind.PUSH and self.detached)


def next_turns(rows: Iterable[Waiting], limit: int) -> list[int]:
    """Ids of the rows to send now, fairest first; at most ``limit`` of them are to build."""
    apps: defaultdict[Scope, list[Waiting]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        apps[row.scope].append(row)
    ranked = [
        ((row.kind is not BuildKind.ROLLBACK, rank, row.last_start or _NEVER, row.id), row)
        for of_app in apps.values()
        for rank, row in enumerate(_of_app(of_app))
    ]
    chosen = [row for _, row in sorted(ranked, key=lambda each: each[0])]
    slots = iter(range(limit))
    return [row.id for row in chosen if row.wants is Phase.DEPLOYING or next(slots, None) is not None]


def overtaken(rows: Iterable[Waiting]) -> dict[int, int]:
    """Ids of queued rows that a newer one supersedes, each with the newest one's id."""
    newest: dict[tuple[Scope, str], int] = {}
    found = {}
    for row in sorted(rows, key=lambda row: -row.id):
        if not row.stands_alone:
            continue
        newer = [newest.setdefault((row.scope, ref), row.id) for ref in row.refs]
        if row.phase is None and max(newer, default=row.id) != row.id:
            found[row.id] = max(newer)
    return found


def _of_app(rows: Sequence[Waiting]) -> list[Waiting]:
    """The rows of one app, oldest first, that may go now: at most one for each phase."""
    chosen: list[Waiting] = []
    for row in sorted(rows, key=lambda row: (row.kind is not BuildKind.ROLLBACK, row.phase is None, row.id)):
        others = [other for other in rows if other.id != row.id]
        if row.idle and not row.sent and not _blocked(row, others, chosen):
            chosen.append(row)
    return chosen


def _blocked(row: Waiting, others: Sequence[Waiting], chosen: Sequence[Waiting]) -> bool:
    taken = {other.phase for other in others if other.phase}
    taken |= {other.wants for other in (*others, *chosen) if other.sent or other in chosen}
    if row.wants in taken:
        return True
    if not row.starts_attached:
        return False
    return Phase.DEPLOYING in taken or any(
        other.id < row.id and not other.detached and other.refs & row.refs for other in others
    )
