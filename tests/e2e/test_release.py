"""Releases after the push: rollback, config vars, and what each of them shows."""

from __future__ import annotations

import json

from tests.farm import App, tiny
from tests.processes import wait_for

SECRET = "hunter2-correct-horse"


def test_a_rollback_brings_the_old_answer_back(app: App) -> None:
    app.release(tiny("one"))
    app.release(tiny("two"))
    rolled = app.farm.laambda("rollback", "-a", app.name)
    assert rolled.code == 0, rolled.output
    assert rolled.lines[0] == f"Rolling back {app.name} to v1... done, v3"
    assert app.invoke()["answer"] == "one"
    assert app.releases[-1] == (3, "succeeded", "Rollback to v1")


def test_a_rollback_can_be_undone(app: App) -> None:
    app.release(tiny("one"))
    app.release(tiny("two"))
    app.farm.laambda("rollback", "-a", app.name)
    app.farm.laambda("rollback", "v2", "-a", app.name)
    assert app.invoke()["answer"] == "two"


def test_a_push_after_a_rollback_is_released_as_any_other(app: App) -> None:
    app.release(tiny("one"))
    app.release(tiny("two"))
    app.farm.laambda("rollback", "-a", app.name)
    app.release(tiny("three"))
    assert app.invoke()["answer"] == "three"
    assert app.live == 4


def test_a_config_var_is_visible_in_the_function_at_once(app: App) -> None:
    app.release(tiny())
    changed = app.farm.laambda("config:set", "MODE=fast", "-a", app.name)
    assert changed.code == 0, changed.output
    assert changed.lines[0] == f"Setting MODE on {app.name}... done, v2"
    assert app.invoke()["mode"] == "fast"
    assert app.farm.laambda("config:get", "MODE", "-a", app.name).output == "fast\n"


def test_config_set_before_the_first_push_is_in_force_with_it(app: App) -> None:
    assert app.farm.laambda("config:set", "MODE=early", "-a", app.name).code == 0
    app.release(tiny())
    assert app.invoke()["mode"] == "early"


def test_a_rollback_brings_the_old_config_back(app: App) -> None:
    app.release(tiny())
    app.farm.laambda("config:set", "MODE=fast", "-a", app.name)
    app.farm.laambda("rollback", "-a", app.name)
    assert app.invoke()["mode"] is None


def test_a_secret_is_shown_nowhere_but_where_it_is_asked_for(app: App) -> None:
    app.release(tiny())
    changed = app.farm.laambda("config:set", "MODE", "-a", app.name, stdin=f"{SECRET}\n")
    assert changed.code == 0, changed.output
    assert app.invoke()["mode"] == SECRET
    app.release(tiny("two"))
    farm = app.farm
    shown = {
        "config:set": changed.output,
        "releases": farm.laambda("releases", "-a", app.name, "--json").output,
        "builds": farm.laambda("builds", "-a", app.name, "--json").output,
        "output": "".join(
            farm.laambda("builds:output", str(each["id"])).output for each in farm.client.builds(app.name)
        ),
        "flower": json.dumps(farm.flower("/api/tasks?limit=1000")),
        "farm.log": farm.log,
    }
    assert [where for where, text in shown.items() if SECRET in text] == []


def test_a_secret_is_in_no_file_of_the_farm_in_clear_text(app: App) -> None:
    app.release(tiny())
    app.farm.laambda("config:set", "MODE", "-a", app.name, stdin=f"{SECRET}\n")
    assert app.invoke()["mode"] == SECRET
    state = app.farm.home / "state"
    holding = [path for path in state.rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert [str(path.relative_to(state)) for path in holding] == []


def test_flower_shows_all_seven_links_by_readable_names(app: App) -> None:
    app.release(tiny())
    build = app.farm.client.newest_build(app.name)["id"]
    mark = f"(build {build})"

    def seen() -> dict[str, str] | None:
        tasks = app.farm.flower("/api/tasks?limit=1000").values()
        mine = {
            task["name"]: task["args"] for task in tasks if mark in str(task["args"]) and task["state"] == "SUCCESS"
        }
        return mine if len(mine) == 7 else None

    links = wait_for(seen, "Flower to show seven links")
    assert sorted(links) == [
        "laambda.build.build",
        "laambda.build.detect",
        "laambda.build.extract",
        "laambda.build.upload",
        "laambda.build.zip",
        "laambda.release.deploy",
        "laambda.release.record",
    ]
    assert links["laambda.build.extract"] == f"{app.name} (build {build})"
    assert links["laambda.release.record"] == f"{app.name} v1 (build {build})"


def test_what_a_function_writes_is_in_the_logs(app: App) -> None:
    handler = "def handler(event, context):\n    print('a line', event['n'])\n    return 1\n"
    app.release(tiny(**{"app.py": handler}))
    app.invoke(event={"n": 42})
    logs = app.farm.laambda("logs", "-a", app.name)
    assert logs.has("a line 42")


def test_a_destroyed_app_is_gone_and_its_name_is_free(app: App) -> None:
    app.release(tiny("one"))
    assert app.farm.laambda("apps:destroy", app.name, "--confirm", app.name).code == 0
    assert app.git("ls-remote", "laambda").code != 0
    app.farm.laambda("apps:create", app.name, "--role", "arn:aws:iam::123456789012:role/test", "--no-remote")
    app.release(tiny("two"))
    assert (app.invoke()["answer"], app.live) == ("two", 1)
