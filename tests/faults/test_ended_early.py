"""Builds that somebody ends: who waits is told at once, nothing keeps running, and the source can be built again."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.farm import App, Farm, tiny
from tests.faults.conftest import SlowPush
from tests.processes import command, descendants, wait_for, wait_gone


def resolvers(farm: Farm) -> list[int]:
    """The uv processes of the farm's worker."""
    return [pid for pid in descendants(farm.pid("worker")) if "uv pip compile" in command(pid)]


def workspace(app: App) -> Path:
    return app.farm.home / "state" / "workspaces" / str(app.farm.client.newest_build(app.name)["id"])


def test_a_cancelled_push_is_told_and_nothing_of_it_goes_on(farm: Farm, push: SlowPush) -> None:
    push.start()
    app, running, folder = push.app, resolvers(farm), workspace(push.app)
    assert running
    assert folder.exists()
    cancelled = farm.laambda("builds:cancel", "-a", app.name)
    assert (cancelled.code, cancelled.lines[0]) == (0, f"Cancelling build {folder.name}... done")
    pushed = push.result()  # the index has not answered yet
    assert pushed.code != 0
    assert pushed.has(f" !     Build {folder.name} was cancelled by admin")
    assert pushed.has(f" !     Push rejected: build {folder.name} cancelled")
    assert wait_gone(running, 10) == []
    wait_for(lambda: not folder.exists(), "the workspace to go", timeout=10)
    assert app.releases == []

    push.index.release()
    again = farm.laambda("builds:retry", "-a", app.name)
    assert again.code == 0, again.output
    assert again.has("-----> Released v1")
    assert app.git("ls-remote", "laambda", "main").output.split()[0] == app.head
    assert app.invoke()["answer"] == "one"


def test_a_push_that_waits_is_told_of_a_rollback(farm: Farm, push: SlowPush) -> None:
    app = push.app
    app.release(tiny("one"))
    app.release(tiny("two"))
    released = app.head
    push.start("three")
    build = farm.client.newest_build(app.name)["id"]
    rolled = farm.laambda("rollback", "-a", app.name)
    assert rolled.lines[0] == f"Rolling back {app.name} to v1... done, v3"
    pushed = push.result()
    assert pushed.code != 0
    assert pushed.has(f" !     Build {build} was cancelled by a rollback to v1")
    assert app.invoke()["answer"] == "one"
    assert app.git("ls-remote", "laambda", "main").output.split()[0] == released


def test_a_push_whose_turn_comes_too_late_is_refused_unbuilt(farm: Farm, push: SlowPush) -> None:
    push.start("first")
    app = push.app
    app.git("checkout", "-q", "--orphan", "other")
    second = SlowPush(app, push.index)
    app.commit(tiny("second"))
    second.send("other:main")
    wait_for(lambda: len(farm.client.builds(app.name)) == 2, "the second row")
    assert push.end().code == 0
    refused = second.result()
    assert refused.code != 0
    head = app.git("rev-parse", "main").output.strip()
    assert refused.has(f" !     main exists already at {head[:7]}, fetch first"), refused.output
    build = farm.client.newest_build(app.name)
    assert (build["state"], build["timings"]) == ("failed", {})


def test_a_workspace_that_a_killed_node_left_is_swept_when_it_starts(farm: Farm, push: SlowPush) -> None:
    push.start()
    folder, worker = workspace(push.app), farm.pid("worker")
    os.kill(worker, signal.SIGKILL)
    farm.client.cancel_build(int(folder.name))
    assert folder.exists()
    farm.wait_for_process("worker", other_than=worker)
    wait_for(lambda: not folder.exists(), "the workspace to go", timeout=20)
    assert push.result().has("was cancelled by admin")
