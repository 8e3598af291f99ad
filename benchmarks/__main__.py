"""``make bench``: a farm of its own, and what it costs. Everything is local: AWS itself takes seconds to create or
update a function, which no number here contains."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks import chain, crowd, machine, pushes, recovery
from benchmarks.report import line, section
from tests.farm import running_farm


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("-n", "--number", type=int, default=15, help="how often each thing is done (default: 15)")
    count = max(2, parser.parse_args().number)
    section("This machine")
    machine.describe()
    started = time.perf_counter()
    with running_farm() as farm, tempfile.TemporaryDirectory() as folder:
        line("laambda up, until all answers", f"{(time.perf_counter() - started) * 1000:.0f} ms")
        section("Memory of an idle farm (PSS)")
        machine.memory(farm)
        section("Small push: one file, no dependencies")
        app = pushes.small(farm, count)
        section("Seven links")
        chain.celery_alone(farm, count)
        chain.with_rows(farm, app)
        crowd.hook_start(count)
        section("Rollback of two functions")
        pushes.rollback(farm, count)
        section("Calls")
        pushes.calls(farm, app, count)
        section("Code-only push: FastAPI and Mangum")
        pushes.fastapi(farm, count)
        section("Many at once")
        crowd.many_apps(farm, 50)
        crowd.one_ref(farm, 8)
        section("For comparison: what this machine can do at best")
        machine.floor(farm, Path(folder), count)
        section("Memory after the work (PSS)")
        machine.memory(farm)
    section("From a kill -9 in the middle of a build to the end of git push")
    recovery.after_faults()


if __name__ == "__main__":
    main()
