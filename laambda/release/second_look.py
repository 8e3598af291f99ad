"""Looking at an app once more, when whoever deployed it can no longer write: what no release names goes.

A deploy that failed, was given up or was taken over may leave functions that no release names; a stalled worker's
CreateFunction, which nothing can fence, may even land after the end. So each such end asks for a second look, which
comes a lease and the longest API call later. It also finds functions that were retired and whose last release has
left the rollback window.

A look changes nothing but this:
- Functions whose names the app claimed, which carry its owner tag and which no release in the window names, are
  deleted with their aliases; the names are free again.
- The ``live`` aliases of the live release point where it says, under the look's own token. That token is higher than
  that of any deploy before, so even a worker that wakes up later still is stopped by the fence.

DeleteFunction takes no condition, so a look and a deploy of the same app exclude each other by rows. A look is taken
only while no deploy has begun and not ended; while it is held none begins (``begin`` hands its row back). Both lock
the app's row first. The hold ends by itself, for a process that died; so before each call the look makes sure that
the hold outlasts the longest call. What remains is a process that is stopped for a minute between that check and its
request, which no API of Lambda lets us exclude.

Looking again at what was cleaned up finds nothing to do: a look cut short is simply taken again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from laambda.domain.app import Target
from laambda.domain.function import LiveFunction
from laambda.domain.release import Release, ReleaseState, SecondLook
from laambda.errors import LaambdaError, LeaseLost, NotFound
from laambda.ports import Services, TargetCloud, Transaction
from laambda.release.apply import Applier
from laambda.release.fence import Fence
from laambda.release.pace import Pace

LONGEST_CALL = 30.0
"""Seconds after which a request to AWS has surely ended: its timeouts, and some more."""

HOLD = 120.0
"""Seconds that an app's deploys wait at most for a look whose process died."""

_HISTORY = 200
"""Releases that are read to find the good ones."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Hold:
    """Implements ``ports.Lease`` for a look: good for a call as long as ``until`` is further away than the call."""

    token: int
    until: float
    clock: Callable[[], float]

    def check(self) -> None:
        if self.clock() > self.until - LONGEST_CALL:
            raise LeaseLost("the second look took too long")


@dataclass(frozen=True)
class _Facts:
    """What the rows say: whose names are claimed, what serves, and all names that a rollback may bring back."""

    target: Target
    claimed: Sequence[str]
    live: Release | None
    named: frozenset[str]


def look_again(
    services: Services,
    *,
    lease: float,
    window: int,
    pace: Pace | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> SecondLook | None:
    """Look at the app that waits longest; gives what was looked at, None where nothing is due.

    ``lease`` is the farm's, in seconds; ``window`` the number of releases that a rollback may reach. What fails is put
    off and raised.
    """
    started = clock()
    with services.database.write() as tx:
        look = tx.second_looks.take(after=lease + LONGEST_CALL, hold=HOLD)
        if look is None:
            return None
        facts = _read(tx, look, window)
    try:
        gone = _clean_up(services, look, facts, Hold(look.token, started + HOLD, clock), pace or Pace(retry=lease))
        _end(services, look, gone)
    except LaambdaError:
        with services.database.write() as tx:
            tx.second_looks.put_off(look)
        raise
    return look


def _read(tx: Transaction, look: SecondLook, window: int) -> _Facts:
    app = tx.apps.get(look.scope)
    live = tx.releases.get(look.scope, app.live) if app.live else None
    good = [r for r in tx.releases.recent(look.scope, _HISTORY) if r.state is ReleaseState.SUCCEEDED]
    kept = [*good[:window], live] if live else ()
    return _Facts(
        target=tx.apps.environment(look.scope.environment).target,
        claimed=tx.apps.functions(look.scope),
        live=live,
        named=frozenset(function.name for release in kept for function in release.functions),
    )


def _clean_up(services: Services, look: SecondLook, facts: _Facts, hold: Hold, pace: Pace) -> list[str]:
    """The claimed names that nothing of ours has any more."""
    cloud = services.cloud(facts.target)
    fence = Fence(look.token, cloud.aliases, hold, pace)
    applier = Applier(cloud.functions, fence, look.scope.owner_tag, "", pace)
    _point_aliases(applier, facts)
    unnamed = [name for name in facts.claimed if name not in facts.named]
    for name in unnamed:
        _remove(applier, cloud, name)
    return unnamed


def _point_aliases(applier: Applier, facts: _Facts) -> None:
    """A function or version that somebody deleted is not ours to bring back: the next deploy makes it."""
    for each in facts.live.functions if facts.live else ():
        live = applier.read(each.name)
        if not _owned(applier, live):
            _log.warning("%s, which v%s names, is not there", each.name, facts.live and facts.live.version)
            continue
        with suppress(NotFound):
            applier.fence.point(each.name, each.lambda_version)


def _remove(applier: Applier, cloud: TargetCloud, name: str) -> None:
    if _owned(applier, applier.read(name)):
        applier.fence.lease.check()
        cloud.functions.delete(name)
        _log.info("deleted the function %s, which no release names", name)


def _owned(applier: Applier, live: LiveFunction | None) -> bool:
    return live is not None and live.owner == applier.owner


def _end(services: Services, look: SecondLook, gone: Sequence[str]) -> None:
    """The hold and the names are given up together: only then may another app have one of them."""
    with services.database.write() as tx:
        if tx.second_looks.done(look):
            tx.apps.release_functions(look.scope, gone)
