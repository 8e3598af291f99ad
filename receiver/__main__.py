"""``python -m receiver``: the process of the Procfile. Ends at SIGTERM or SIGINT; builds go on without it."""

from __future__ import annotations

import os
import signal
import sys
import threading

from laambda.bootstrap import limits, log_to_stderr, services, warm_up
from laambda.errors import LaambdaError
from laambda.settings import load
from receiver.server import Receiver


def main() -> int:
    """Serve until told to stop; gives the exit code."""
    log_to_stderr()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        settings = load(os.environ)
        farm = services(settings)
        receiver = Receiver(farm, settings, limits(settings))
        host, port = receiver.start()
        warm_up(lambda: farm.objects.exists("warm-up"))
    except LaambdaError as error:
        sys.stderr.write(f"receiver: {error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"receiver: {error}\n")
        return 3
    sys.stdout.write(f"receiver listening on ssh://git@{host}:{port}\n")
    sys.stdout.flush()
    stop.wait()
    receiver.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
