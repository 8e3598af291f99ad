"""``python -m workers.schedule``: the scheduler. Any number of replicas; the database lets one at a time decide."""

from __future__ import annotations

import logging
import signal
import threading

from laambda.bootstrap import limits, log_to_stderr, services, settings
from laambda.dispatch.dispatcher import dispatch
from laambda.errors import LaambdaError

TICK = 0.5
"""Seconds between passes: how long an expired lease may go unseen."""

_log = logging.getLogger(__name__)


def main() -> None:
    """Run passes until SIGTERM; an outage of database or broker is waited out."""
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    farm = services(settings())
    print("scheduler ready", flush=True)  # noqa: T201 - the line that the supervisor waits for
    while not stop.wait(TICK):
        try:
            for build_id in dispatch(farm, limits(settings())):
                _log.info("sent build %d", build_id)
        except LaambdaError as error:
            _log.warning("%s", error)


if __name__ == "__main__":
    main()
