from __future__ import annotations

from pathlib import Path

import pytest

from laambda.build.tree import app_files
from laambda.errors import BuildFailed


def names(tree: Path, *files: str, rules: str = "") -> list[str]:
    for name in files:
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    (tree / ".laambdaignore").write_text(rules)
    return [file.name for file in app_files(tree)]


def test_what_never_belongs_into_a_zip_stays_out(tmp_path: Path) -> None:
    found = names(
        tmp_path, "app.py", "a/__pycache__/x.pyc", ".git/HEAD", ".venv/x", "venv/x", ".env", "node_modules/x", "b.pyc"
    )
    assert found == ["app.py"]


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ("*.md", ["a.py", "d/b.py", "d/e/c.txt"]),
        ("/a.py", ["d/README.md", "d/b.py", "d/e/c.txt"]),
        ("d/", ["a.py"]),
        ("d/e", ["a.py", "d/README.md", "d/b.py"]),
        ("**/c.txt", ["a.py", "d/README.md", "d/b.py"]),
        ("d/**/c.txt", ["a.py", "d/README.md", "d/b.py"]),
        ("d/**\n!d/b.py", ["a.py", "d/b.py"]),
        ("*.md\n!README.md", ["a.py", "d/README.md", "d/b.py", "d/e/c.txt"]),
        ("# a.py\n\n[ab].py", ["d/README.md", "d/e/c.txt"]),
        ("b.py/", ["a.py", "d/README.md", "d/b.py", "d/e/c.txt"]),
        ("e/c.txt", ["a.py", "d/README.md", "d/b.py", "d/e/c.txt"]),
    ],
)
def test_patterns_mean_what_they_mean_to_git(tmp_path: Path, rules: str, left: list[str]) -> None:
    assert names(tmp_path, "a.py", "d/b.py", "d/README.md", "d/e/c.txt", rules=rules) == left


def test_a_built_in_rule_can_be_taken_back(tmp_path: Path) -> None:
    assert names(tmp_path, ".env", rules="!.env") == [".env"]


def test_a_rule_made_to_be_slow_is_not(tmp_path: Path) -> None:
    assert names(tmp_path, "a" * 200, rules="\n".join(["*a" * 40 + "b", "**/" * 80 + "b"])) == ["a" * 200]


def test_a_link_to_a_file_is_packed_as_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.py").symlink_to("a.py")
    assert names(tmp_path, "a.py") == ["a.py", "b.py"]
    assert not app_files(tmp_path)[1].path.is_symlink()


@pytest.mark.parametrize("target", ["/etc/passwd", "gone", "loop", "."])
def test_a_link_to_anything_else_is_refused(tmp_path: Path, target: str) -> None:
    (tmp_path / "loop").symlink_to(target)
    with pytest.raises(BuildFailed, match="loop is a link that leads to no file"):
        app_files(tmp_path)


def test_only_the_execute_bit_of_a_mode_counts(tmp_path: Path) -> None:
    (tmp_path / "run").touch(0o700)
    (tmp_path / "text").touch(0o600)
    assert [file.mode for file in app_files(tmp_path)] == [0o755, 0o644]
