"""Whatever dies in the middle of a build: it ends in exactly one release, and whoever pushed is told."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from tests.farm import App, Farm, running_farm
from tests.faults.conftest import SlowPush, settings
from tests.faults.slow_index import SlowIndex
from tests.processes import children, command, descendants, wait_for, wait_gone


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def check_released_once(app: App, answer: str = "one") -> None:
    """One row, one release, refs and function at what was pushed."""
    builds = app.farm.client.builds(app.name)
    assert [build["state"] for build in builds] == ["succeeded"], builds
    assert [(version, state) for version, state, _ in app.releases] == [(1, "succeeded")]
    assert app.invoke()["answer"] == answer
    assert app.git("ls-remote", "laambda", "main").output.split()[0] == app.head


def test_a_pool_child_killed_in_the_middle_of_a_build(push: SlowPush) -> None:
    push.start()
    worker = push.app.farm.pid("worker")
    (child,) = [pid for pid in children(worker) if children(pid)]
    kill(child)
    pushed = push.end()
    assert pushed.code == 0, pushed.output
    assert pushed.has("Attempt 2")
    check_released_once(push.app)


def test_a_worker_node_killed_in_the_middle_of_a_build(push: SlowPush) -> None:
    push.start()
    worker = push.app.farm.pid("worker")
    family = descendants(worker)
    kill(worker)
    assert [command(pid) for pid in wait_gone(family, 10)] == []
    push.app.farm.wait_for_process("worker", other_than=worker)
    pushed = push.end()
    assert pushed.code == 0, pushed.output
    check_released_once(push.app)


@pytest.mark.parametrize("name", ["scheduler", "api", "flower"])
def test_a_part_that_holds_no_build_killed_in_the_middle_of_one(push: SlowPush, name: str) -> None:
    push.start()
    pid = push.app.farm.pid(name)
    kill(pid)
    push.app.farm.wait_for_process(name, other_than=pid)
    pushed = push.end()
    assert pushed.code == 0, pushed.output
    wait_for(lambda: api_answers(push.app.farm), "the API")
    check_released_once(push.app)


def api_answers(farm: Farm) -> bool:
    return farm.laambda("apps").code == 0


def test_the_broker_killed_with_all_its_data(push: SlowPush) -> None:
    push.start()
    lose_broker(push.app.farm)
    pushed = push.end()
    assert pushed.code == 0, pushed.output
    check_released_once(push.app)


def test_the_broker_killed_with_all_its_data_while_a_push_is_in_its_queue(farm: Farm, push: SlowPush) -> None:
    worker = farm.pid("worker")
    os.kill(worker, signal.SIGSTOP)
    try:
        push.commit()
        push.send()
        wait_for(lambda: bool(farm.client.builds(push.app.name)), "the row")
        lose_broker(farm)
    finally:
        os.kill(worker, signal.SIGCONT)
    pushed = push.end()
    assert pushed.code == 0, pushed.output
    check_released_once(push.app)


def lose_broker(farm: Farm) -> None:
    """Kill it and delete its files before the supervisor starts another."""
    broker = farm.pid("broker")
    kill(broker)
    shutil.rmtree(farm.home / "state" / "broker")
    (farm.home / "state" / "broker").mkdir()
    farm.wait_for_process("broker", other_than=broker)


def test_the_local_cloud_killed_in_the_middle_of_a_build(push: SlowPush) -> None:
    push.start()
    cloud = push.app.farm.pid("cloud")
    kill(cloud)
    push.app.farm.wait_for_process("cloud", other_than=cloud)
    pushed = push.end()
    assert pushed.code == 0, pushed.output
    check_released_once(push.app)


def test_the_receiver_killed_while_a_push_waits(push: SlowPush) -> None:
    push.start()
    app = push.app
    receiver = app.farm.pid("receiver")
    family = descendants(receiver)
    kill(receiver)
    assert [command(pid) for pid in wait_gone(family, 10)] == []
    app.farm.wait_for_process("receiver", other_than=receiver)
    lost = push.end()
    assert lost.code != 0
    wait_for(lambda: app.live == 1, "the release")
    wait_for(lambda: app.git("ls-remote", "laambda").code == 0, "the receiver")
    assert app.push().has("Everything up-to-date")
    check_released_once(app)


def test_a_lost_push_is_joined_by_pushing_again_while_it_is_built(push: SlowPush) -> None:
    push.start()
    app = push.app
    receiver = app.farm.pid("receiver")
    kill(receiver)
    app.farm.wait_for_process("receiver", other_than=receiver)
    wait_for(lambda: app.git("ls-remote", "laambda").code == 0, "the receiver")
    again = SlowPush(app, push.index)
    again.send()
    pushed = again.end()
    assert pushed.code == 0, pushed.output
    assert pushed.has("Released v1")
    check_released_once(app)


def test_the_whole_farm_killed_leaves_nothing_and_finishes_the_build_when_it_is_back(index: SlowIndex) -> None:
    with running_farm(**settings(index)) as farm:
        push = SlowPush(farm.app("api"), index)
        push.start()
        before = farm.processes()
        assert any("uv pip compile" in command(pid) for pid in before)
        farm.kill()
        assert [command(pid) for pid in wait_gone(before, 10)] == []
        assert push.end().code != 0
        farm.start()
        wait_for(lambda: push.app.live == 1, "the release")
        check_released_once(push.app)
