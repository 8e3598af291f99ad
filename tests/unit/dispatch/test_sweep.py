"""What killed processes left on a node goes; what is in use stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

from laambda.dispatch.cancel import cancel
from laambda.dispatch.sweep import LEFT_AFTER, sweep
from tests.unit.dispatch.conftest import House


def swept(house: House) -> int:
    return sweep(house.services, house.node().workspaces, house.node().cache)


def workspace(house: House, build_id: int) -> Path:
    folder = house.node().workspaces / str(build_id)
    (folder / "tree").mkdir(parents=True)
    return folder


def file(path: Path, *, age: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    os.utime(path, (time.time() - age, time.time() - age))
    return path


def test_workspaces_of_ended_builds_and_of_builds_that_are_gone_go(house: House) -> None:
    running, ended = house.push(), house.push(app=house.create("web").app)
    kept, left, unknown = workspace(house, running.id), workspace(house, ended.id), workspace(house, 99)
    cancel(house.services, ended.id, "ada", house.limits)
    assert swept(house) == 2
    assert (kept.exists(), left.exists(), unknown.exists()) == (True, False, False)


def test_what_is_no_workspace_stays(house: House) -> None:
    other = file(house.node().workspaces / "README", age=10 * LEFT_AFTER)
    assert (swept(house), other.exists()) == (0, True)


def test_temporary_files_of_the_cache_go_after_a_day(house: House) -> None:
    cache = house.node().cache
    old = [file(cache / name, age=LEFT_AFTER + 60) for name in ("wheels/.a", "locks/.b")]
    folder = file(cache / "slabs" / ".making-c" / "entries", age=LEFT_AFTER + 60).parent
    resolving = file(cache / "uv" / "resolve-d" / "requirements.in", age=LEFT_AFTER + 60).parent
    for path in (folder, resolving):
        os.utime(path, (0, 0))
    assert swept(house) == 4
    assert not any(path.exists() for path in (*old, folder, resolving))


def test_finished_and_young_files_of_the_cache_stay(house: House) -> None:
    cache = house.node().cache
    kept = [file(cache / "wheels" / "abc", age=LEFT_AFTER + 60), file(cache / "wheels" / ".new", age=60)]
    kept.append(file(cache / "uv" / "cache" / "index", age=LEFT_AFTER + 60))
    assert (swept(house), [path.exists() for path in kept]) == (0, [True] * 3)


def test_a_node_without_folders_has_nothing_to_sweep(house: House) -> None:
    assert swept(house) == 0
