"""Trees and Procfiles that must not become a release: each gets a line that names the place, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.farm import App, Farm, Result, tiny

LONG = "p" * 60


def link_out(folder: Path) -> None:
    (folder / "secrets").symlink_to("/etc/passwd")


def link_up(folder: Path) -> None:
    (folder / "up").symlink_to("../../other")


def clash(folder: Path) -> None:
    (folder / "Data.txt").write_text("1")
    (folder / "data.txt").write_text("2")


def device(folder: Path) -> None:
    (folder / "con.py").write_text("")


def many(folder: Path) -> None:
    crowd = folder / "many"
    crowd.mkdir()
    for number in range(50_001):
        (crowd / f"{number}.txt").write_text("")


def huge(folder: Path) -> None:
    with (folder / "huge.bin").open("wb") as file:
        file.truncate(300_000_000)


def procfile(text: str):  # type: ignore[no-untyped-def]
    return lambda folder: (folder / "Procfile").write_text(text)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (link_out, "secrets"),
        (link_up, "up"),
        (clash, "ata.txt"),
        (device, "con.py"),
        (many, "50,000"),
        (huge, "Lambda takes 250"),
        (procfile("# nothing\n"), "Procfile"),
        (procfile("web: app.handler\nweb: app.handler\n"), "Procfile line 2"),
        (procfile(f"web: app.handler\n{LONG}: app.handler\n"), "Procfile line 2"),
        (procfile("web: app.handler\n\nlate: gone.handler\n"), "Procfile line 3"),
    ],
    ids=["link out", "link up", "case", "device", "many files", "300 MB", "empty", "twice", "long name", "no module"],
)
def test_what_must_not_be_released_is_refused_where_it_stands(app: App, spoil, words: str) -> None:  # type: ignore[no-untyped-def]
    app.commit(tiny("one"))
    spoil(app.folder)
    app.commit({}, "Hostile")
    refused = app.push()
    reasons = [line for line in refused.lines if line.startswith(" !     ")]
    assert any(words in line for line in reasons), refused.output
    check_nothing_is_left(app, refused)


def test_a_name_of_another_apps_function_is_refused(farm: Farm) -> None:
    first, second = farm.app("same"), farm.app("same-v1")
    first.release(tiny("one", Procfile="v1-web: app.handler\n"))
    second.commit(tiny("two"))
    refused = second.push()
    assert refused.has("same-v1-web")
    check_nothing_is_left(second, refused)
    assert first.invoke("v1-web")["answer"] == "one"


def check_nothing_is_left(app: App, refused: Result) -> None:
    """No release serves, no function and no workspace is there, and no ref has moved."""
    assert refused.code != 0
    assert "Traceback" not in refused.output
    assert app.live == 0
    assert app.git("ls-remote", "laambda", "main").output == ""
    left = [path.name for path in (app.farm.home / "state" / "workspaces").iterdir() if path.name != ".held"]
    assert left == []
