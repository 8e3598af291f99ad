"""Several worker nodes: a build stays on one, and moves to another when its own is gone or asleep."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from tests.farm import Farm, tiny
from tests.faults.conftest import SlowPush
from tests.faults.test_kills import check_released_once
from tests.processes import descendants, environment, wait_for


@contextmanager
def node(farm: Farm, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another worker node: it shares rows, broker, objects and key with the farm, but no disk."""
    home = farm.home / name
    home.mkdir()
    for key in (farm.home / "state").glob("*.key"):
        shutil.copy(key, home)
    given = environment(farm.pid("worker")) | {
        "LAAMBDA_HOME": str(home),
        "LAAMBDA_NODE": name,
        "LAAMBDA_DATABASE_URL": f"sqlite:///{farm.home / 'state' / 'laambda.db'}",
        "LAAMBDA_BROKER_URL": f"redis+socket://{farm.home / 'run' / 'broker.sock'}",
    }
    log = home / "log"
    with log.open("wb") as out:
        worker = subprocess.Popen([sys.executable, "-m", "workers"], env=given, stdout=out, stderr=out, cwd=home)
    try:
        wait_for(lambda: f"worker {name} ready" in log.read_text(), f"node {name}")
        yield worker
    finally:
        worker.kill()
        worker.wait()
        shutil.rmtree(home)


@contextmanager
def asleep(pids: list[int]) -> Iterator[None]:
    """Stop processes as a hung machine does, and wake them."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def family(farm: Farm) -> list[int]:
    """The farm's own node with all its children."""
    worker = farm.pid("worker")
    return [worker, *descendants(worker)]


def test_a_build_whose_node_is_gone_for_good_starts_again_elsewhere(farm: Farm, push: SlowPush) -> None:
    with node(farm, "b") as other:
        with asleep([farm.pid("worker")]):
            push.start()
            assert farm.client.newest_build(push.app.name)["node"] == "b"
            other.kill()
            other.wait()
        pushed = push.end()
    assert pushed.code == 0, pushed.output
    assert pushed.has("Attempt 2")
    build = farm.client.newest_build(push.app.name)
    assert (build["node"] == "b", build["attempt"]) == (False, 2)
    check_released_once(push.app)


def test_a_node_that_slept_through_its_lease_wakes_up_to_nothing(farm: Farm, push: SlowPush) -> None:
    push.start()
    with node(farm, "b"), asleep(family(farm)):
        pushed = push.end()
        assert pushed.code == 0, pushed.output
        assert farm.client.newest_build(push.app.name)["node"] == "b"
    check_released_once(push.app)
    push.app.release(tiny("two"))
    assert push.app.invoke()["answer"] == "two"


def test_all_links_of_a_build_run_on_one_node(farm: Farm) -> None:
    with node(farm, "b"):
        apps = [farm.app(f"spread{number}") for number in range(6)]
        for app in apps:
            app.release(tiny())
        workers = {app.name: wait_for(partial(seven_links, farm, app.name), app.name) for app in apps}
    assert {len(names) for names in workers.values()} == {1}, workers


def seven_links(farm: Farm, app: str) -> set[str] | None:
    """The nodes that ran an app's seven links, once Flower has seen them all."""
    tasks = farm.flower("/api/tasks?limit=10000").values()
    mine = [task["worker"] for task in tasks if str(task["args"]).startswith(f"{app} ") and task["state"] == "SUCCESS"]
    return set(mine) if len(mine) == 7 else None
