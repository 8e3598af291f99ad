"""Pushes that need no build, builds that are asked for again, and what is refused."""

from __future__ import annotations

from tests.farm import App, tiny
from tests.processes import wait_for


def on_main(app: App) -> str:
    """Where the farm says that main is."""
    return app.git("ls-remote", "laambda", "main").output.split()[0]


def test_a_tree_that_is_live_is_not_built_and_its_commit_is_pushed(app: App) -> None:
    app.release(tiny())
    pushed = app.release({}, "Nothing")
    assert "-----> No changes, v1 stays live" in pushed.lines
    assert [version for version, _, _ in app.releases] == [1]
    assert on_main(app) == app.head
    build = app.farm.client.newest_build(app.name)
    assert (build["state"], build["version"], build["timings"]) == ("succeeded", None, {})


def test_after_a_rollback_the_tree_that_was_rolled_back_is_released_again(app: App) -> None:
    app.release(tiny("one"))
    app.release(tiny("two"))
    app.farm.laambda("rollback", "-a", app.name)
    app.release({}, "Again")
    assert (app.live, app.invoke()["answer"]) == (4, "two")
    app.farm.laambda("config:set", "MODE=fast", "-a", app.name)
    assert "-----> No changes, v5 stays live" in app.release({}, "Once more").lines


def test_no_cache_builds_what_is_live(app: App) -> None:
    app.release(tiny())
    app.commit({})
    assert app.push("-o", "no-cache", "main").has("-----> Released v2")


def test_a_failed_detached_push_is_retried_once_the_cause_is_gone(app: App) -> None:
    app.commit(tiny())
    app.commit({"Procfile": None})
    assert app.push("-o", "detach", "main").code == 0
    wait_for(lambda: app.farm.client.newest_build(app.name)["state"] == "failed", "the failure")
    again = app.farm.laambda("builds:retry", "-a", app.name)
    assert again.code == 1
    assert again.has("Procfile")
    builds = app.farm.client.builds(app.name)
    assert [(build["kind"], build["state"]) for build in builds] == [("retry", "failed"), ("push", "failed")]


def test_a_retry_releases_the_same_commit_again(app: App) -> None:
    app.release(tiny("one"))
    app.release(tiny("two"))
    app.farm.laambda("rollback", "-a", app.name)
    second = app.farm.client.builds(app.name)[1]["id"]
    again = app.farm.laambda("builds:retry", str(second))
    assert again.code == 0, again.output
    assert again.lines[0].endswith(f"of {app.name}: Deploy {app.head[:7]}: Change")
    assert again.has("-----> Released v4")
    assert (app.invoke()["answer"], on_main(app)) == ("two", app.head)


def test_an_ended_build_can_not_be_cancelled(app: App) -> None:
    app.release(tiny())
    refused = app.farm.laambda("builds:cancel", "-a", app.name)
    assert refused.code == 1
    assert refused.has("has ended already: succeeded")
