"""How long a push that lost a part of the farm takes to end, against the lease."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from benchmarks.report import line
from tests.farm import Farm, running_farm
from tests.faults.conftest import LEASE, SlowPush, settings
from tests.faults.slow_index import SlowIndex
from tests.faults.test_kills import lose_broker
from tests.processes import children


def after_faults() -> None:
    """One push a fault, killed in the middle of its build; from the fault to the end of git push."""
    with SlowIndex().serving() as index, running_farm(**settings(index)) as farm:
        line("lease", f"{LEASE} s; the farm restarts what it lost after 1 s")
        for name, fault in _FAULTS.items():
            push = SlowPush(farm.app(name.replace(" ", "-")), index)
            push.start()
            started = time.perf_counter()
            fault(farm)
            result = push.end()
            line(name, f"{time.perf_counter() - started:.1f} s, {'released' if result.code == 0 else 'NOT released'}")


def _pool_child(farm: Farm) -> None:
    busy = [pid for pid in children(farm.pid("worker")) if children(pid)]
    os.kill(busy[0], signal.SIGKILL)


def _killed(name: str) -> Callable[[Farm], None]:
    return lambda farm: os.kill(farm.pid(name), signal.SIGKILL)


_FAULTS: dict[str, Callable[[Farm], None]] = {
    "pool child": _pool_child,
    "worker node": _killed("worker"),
    "scheduler": _killed("scheduler"),
    "local cloud": _killed("cloud"),
    "broker with its data": lose_broker,
}
