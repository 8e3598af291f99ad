"""The dispatcher and reconciler: one pass over the rows, by whoever has the lock.

Called in a loop by the scheduler, and at once by whoever queues or ends a row, so that nothing waits for a tick.
A crash between the commit and the send costs one ``resend`` interval, nothing else.
"""

from __future__ import annotations

import logging

from laambda.dispatch.ending import close, end_unheld
from laambda.dispatch.limits import FarmLimits
from laambda.domain.build import Build, BuildState, steps_from
from laambda.errors import Unavailable
from laambda.ports import Services, Transaction

SHARED_QUEUE = "builds"

_log = logging.getLogger(__name__)


def dispatch(services: Services, limits: FarmLimits) -> tuple[int, ...]:
    """Send every row whose turn it is, as far as slots are free; gives the ids sent."""
    broker_kept_data = services.queue.survived()
    with services.database.write() as tx:
        if not tx.dispatching.lock():
            return ()
        if not broker_kept_data:
            tx.dispatching.forget_sent()
        ended = _end_exhausted(tx, limits) | _end_overtaken(tx)
        # Sent in a transaction of its own, since it takes rows of apps, which deploys take before rows of builds.
        ready = () if ended else tuple(tx.dispatching.ready(max(0, limits.slots - tx.dispatching.in_flight())))
        for build in ready:
            tx.dispatching.mark_sent(build.id, resend_after=limits.resend)
    if ended:
        for build_id, reason in ended.items():
            close(services, build_id, last_words=reason)
        return dispatch(services, limits)
    return tuple(build.id for build in ready if _send(services, build))


def _end_exhausted(tx: Transaction, limits: FarmLimits) -> dict[int, str]:
    """End rows that lost their worker too often: a poison build stops here. Gives the reasons by build."""
    ended = {}
    for build in tx.dispatching.exhausted(limits.attempts):
        reason = f"lost its worker {build.attempt} times while it ran the step {build.step}"
        if end_unheld(tx, build, BuildState.ERRORED, error=reason):
            ended[build.id] = f"Build {build.id} {reason}"
    return ended


def _end_overtaken(tx: Transaction) -> dict[int, str]:
    """End queued rows that nobody waits for and that a newer one makes needless. Gives the reasons by build."""
    ended = {}
    for build_id, newer in tx.dispatching.overtaken().items():
        reason = f"superseded by build {newer}"
        if end_unheld(tx, tx.builds.get(build_id), BuildState.SUPERSEDED, error=reason):
            ended[build_id] = f"Build {build_id} was {reason}"
    return ended


def _send(services: Services, build: Build) -> bool:
    """Ring the doorbell; a broker that is away is not an error, the row is sent again later."""
    try:
        services.queue.send(build, steps_from(build.kind, build.step), queue=SHARED_QUEUE)
    except Unavailable as error:
        _log.warning("build %d not sent: %s", build.id, error)
        return False
    return True
