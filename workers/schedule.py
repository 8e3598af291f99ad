"""``python -m workers.schedule``: the scheduler. Any number of replicas; the database lets one at a time decide."""

from __future__ import annotations

import logging
import signal
import threading

from laambda.bootstrap import limits, log_to_stderr, services, settings
from laambda.dispatch.dispatcher import dispatch
from laambda.errors import LaambdaError
from laambda.ports import Services
from laambda.release.second_look import look_again

TICK = 0.5
"""Seconds between passes: how long an expired lease may go unseen."""

LOOK = 10.0
"""Seconds between second looks."""

_log = logging.getLogger("workers.schedule")


def main() -> None:
    """Run passes until SIGTERM; an outage of database or broker is waited out."""
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    farm = services(settings())
    threading.Thread(target=_look_again, args=(farm, stop), name="second looks", daemon=True).start()
    print("scheduler ready", flush=True)  # noqa: T201 - the line that the supervisor waits for
    while not stop.wait(TICK):
        try:
            for build_id in dispatch(farm, limits(settings())):
                _log.info("sent build %d", build_id)
        except LaambdaError as error:
            _log.warning("%s", error)


def _look_again(farm: Services, stop: threading.Event) -> None:
    """Beside the passes, which must not wait for AWS."""
    while not stop.wait(LOOK):
        try:
            while not stop.is_set() and (
                look := look_again(farm, lease=settings().lease, window=settings().rollback_window)
            ):
                _log.info("looked at %s once more", look.scope)
        except LaambdaError as error:
            _log.warning("second look: %s", error)
        except Exception:  # noqa: BLE001 - a bug met with one app must not end the looks at all others
            _log.exception("second look")


if __name__ == "__main__":
    main()
