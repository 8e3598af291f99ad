"""The main job: a push becomes a running function, or is refused with a reason and changes nothing."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.farm import App, Farm, tiny

HELLO = Path(__file__).parent.parent / "apps" / "hello"


def test_a_push_becomes_a_release_whose_function_answers(app: App) -> None:
    pushed = app.release(tiny("one"), "First")
    assert app.invoke() == {"answer": "one", "mode": None}
    assert app.releases == [(1, "succeeded", f"Deploy {app.head[:7]}: First")]
    assert pushed.has("-----> Python app detected")
    assert pushed.has("-----> Released v1")
    assert pushed.has("[new branch]      main -> main")


def test_the_sample_app_answers_to_its_event(app: App) -> None:
    files = {path.name: path.read_text() for path in HELLO.iterdir() if path.is_file()}
    extras = {name: tiny()[name] for name in (".python-version", "laambda.toml")}
    app.release(files | extras)
    assert app.invoke("hello", {"name": "jim"}) == {"message": "hello, jim"}


def test_the_next_push_changes_the_answer(app: App) -> None:
    app.release(tiny("one"))
    app.release(tiny("two"))
    assert app.invoke()["answer"] == "two"
    assert [version for version, _, _ in app.releases] == [1, 2]


def test_every_process_of_the_procfile_is_a_function(app: App) -> None:
    more = "def other(event, context):\n    return event['x'] * 2\n"
    app.release(tiny("one", **{"more.py": more, "Procfile": "web: app.handler\ndouble: more.other\n"}))
    assert app.invoke("double", {"x": 21}) == 42
    assert app.invoke("web")["answer"] == "one"


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"Procfile": "web: app\n"}, r"Procfile"),
        ({"Procfile": "web app.handler\n"}, r"Procfile"),
        ({"Procfile": "web: gone.handler\n"}, r"gone"),
        ({"requirements.txt": "this-package-is-not-there-laambda==1\n"}, r"this-package-is-not-there-laambda"),
        ({".python-version": "2.7\n"}, r"2\.7"),
        ({"Procfile": None, "app.py": None, "notes.txt": "hello\n"}, r"[Nn]o |not "),
    ],
    ids=["handler", "no colon", "no module", "no package", "old runtime", "not an app"],
)
def test_a_push_that_can_not_be_built_is_refused_and_releases_nothing(
    app: App, files: dict[str, str | None], reason: str
) -> None:
    app.release(tiny("one"))
    app.commit({**files}, "Broken")
    refused = app.push()
    assert refused.code != 0
    assert refused.has("[remote rejected] main -> main (pre-receive hook declined)")
    reasons = [line for line in refused.lines if line.startswith(" !     ")]
    assert any(re.search(reason, line) for line in reasons), refused.output
    assert "Traceback" not in refused.output
    assert app.invoke()["answer"] == "one"
    assert [version for version, _, _ in app.releases] == [1]
    assert app.farm.client.newest_build(app.name)["state"] == "failed"


def test_after_a_refused_push_a_mended_one_is_released(app: App) -> None:
    app.commit(tiny("one", Procfile="web: gone.handler\n"))
    assert app.push().code != 0
    app.release({"Procfile": "web: app.handler\n"})
    assert app.invoke()["answer"] == "one"


def test_an_unknown_key_is_refused(app: App) -> None:
    app.commit(tiny())
    refused = app.push(key=app.farm.make_key("stranger"))
    assert refused.code != 0
    assert refused.has("Permission denied")
    assert app.farm.client.builds(app.name) == []


def test_an_unknown_app_is_refused_with_the_command_that_makes_it(farm: Farm, app: App) -> None:
    app.commit(tiny())
    refused = app.git("push", farm.git_url("nobody"), "main")
    assert refused.code != 0
    assert refused.has("nobody")
    assert refused.has("apps:create")


def test_pushing_the_same_again_does_nothing(app: App) -> None:
    app.release(tiny())
    assert app.push().has("Everything up-to-date")
    assert app.live == 1


def test_another_branch_is_stored_and_not_built(app: App) -> None:
    app.release(tiny("one"))
    app.git("checkout", "-q", "-b", "topic")
    app.commit(tiny("two"))
    pushed = app.push("topic")
    assert pushed.code == 0, pushed.output
    assert pushed.has("skipping build")
    assert app.invoke()["answer"] == "one"
    assert app.git("ls-remote", "laambda", "topic").output.split()[0] == app.head


def test_a_clone_has_what_was_pushed(app: App, tmp_path: Path) -> None:
    app.release(tiny())
    cloned = app.git("clone", "-q", app.farm.git_url(app.name), str(tmp_path / "clone"))
    assert cloned.code == 0, cloned.output
    assert app.git("-C", str(tmp_path / "clone"), "rev-parse", "HEAD").output.strip() == app.head


def test_a_deleted_bare_repository_loses_nothing(app: App, tmp_path: Path) -> None:
    app.release(tiny("one"))
    delete_repositories(app.farm)
    cloned = app.git("clone", "-q", app.farm.git_url(app.name), str(tmp_path / "clone"))
    assert cloned.code == 0, cloned.output
    delete_repositories(app.farm)
    app.release(tiny("two"))
    assert app.invoke()["answer"] == "two"


def delete_repositories(farm: Farm) -> None:
    """Every bare repository of the receiver's disk."""
    found = [path.parent for path in (farm.home / "state" / "repositories").rglob("HEAD")]
    assert found
    for repository in found:
        shutil.rmtree(repository)


def test_two_apps_are_pushed_at_once(farm: Farm) -> None:
    apps = [farm.app("left"), farm.app("right")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda app: app.release(tiny(app.name)), apps))
    assert [app.invoke()["answer"] for app in apps] == ["left", "right"]


def test_two_pushes_to_one_ref_make_one_release_each_or_are_told_to_fetch(app: App, tmp_path: Path) -> None:
    app.release(tiny("base"))
    other = App(app.farm, app.name, tmp_path / "other")
    app.git("clone", "-q", "-o", "laambda", app.farm.git_url(app.name), str(other.folder))
    app.commit(tiny("mine"))
    other.commit(tiny("theirs"))
    with ThreadPoolExecutor(2) as threads:
        mine, theirs = threads.map(lambda each: each.push(), [app, other])
    assert sorted([mine.code == 0, theirs.code == 0]) == [False, True], mine.output + theirs.output
    assert app.invoke()["answer"] == ("mine" if mine.code == 0 else "theirs")
    assert app.live == 2
