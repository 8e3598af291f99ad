from __future__ import annotations

from pathlib import Path

import pytest

from laambda.build import manifest
from laambda.build.buildpacks import detect
from laambda.build.buildpacks.python import PythonBuildpack
from laambda.errors import BuildFailed
from tests.unit.build.workbench import NOW

PYTHON = PythonBuildpack()


def chosen(tree: Path, **files: str) -> tuple[str, str]:
    for name, content in files.items():
        (tree / name).write_text(content)
    runtime, origin = PYTHON.runtime(tree, manifest.read(tree), default="python3.12", today=NOW.date())
    return runtime.identifier, origin


def project(requires: str) -> str:
    return f'[project]\nname = "x"\nrequires-python = "{requires}"\n'


@pytest.mark.parametrize(
    ("name", "content", "identifier"),
    [
        (".python-version", "3.13\n", "python3.13"),
        (".python-version", "# ours\n3.11.9\n3.10\n", "python3.11"),
        (".python-version", "cpython-3.14.0", "python3.14"),
        ("runtime.txt", "python-3.13.x", "python3.13"),
        ("runtime.txt", "python3.11", "python3.11"),
        ("pyproject.toml", project(">=3.11"), "python3.12"),
        ("pyproject.toml", project(">=3.13.2"), "python3.14"),
        ("pyproject.toml", project("==3.11.4"), "python3.11"),
        ("laambda.toml", 'runtime = "python3.14"', "python3.14"),
    ],
)
def test_the_version_comes_from_the_file_that_says_it(tmp_path: Path, name: str, content: str, identifier: str) -> None:
    assert chosen(tmp_path, **{name: content}) == (identifier, name)


def test_without_a_word_the_platforms_default_is_taken(tmp_path: Path) -> None:
    assert chosen(tmp_path) == ("python3.12", "default")


def test_the_manifest_comes_before_the_version_file(tmp_path: Path) -> None:
    files = {"laambda.toml": 'runtime = "python3.11"', ".python-version": "3.14", "runtime.txt": "python-3.13"}
    assert chosen(tmp_path, **files) == ("python3.11", "laambda.toml")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (".python-version", "pypy3.10", r"\.python-version: 'pypy3\.10' is not a Python version"),
        (".python-version", "3.5", r"\.python-version asks for python3\.5, which laambda can not build for"),
        ("runtime.txt", "python-3.6", r"runtime\.txt asks for python3\.6, which AWS refuses since"),
        ("pyproject.toml", project(">=4"), r"no runtime of Lambda fits requires-python '>=4'"),
        ("pyproject.toml", project("three"), r"'three' is not a version specifier"),
        ("pyproject.toml", "[project", r"pyproject\.toml is not valid TOML"),
        ("laambda.toml", "memory = 1", r"laambda\.toml: there is no setting 'memory'"),
        ("laambda.toml", "runtime = 3.13", r"laambda\.toml: runtime must be a text"),
    ],
)
def test_a_version_that_lambda_lacks_is_refused_by_file(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(BuildFailed, match=message):
        chosen(tmp_path, **{name: content})


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "app.py", "pylock.toml"])
def test_a_python_app_is_known_by_any_of_its_marks(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert detect(tmp_path).name == "Python"


def test_a_refusal_lists_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "README").touch()
    with pytest.raises(BuildFailed, match="not an app that laambda knows") as caught:
        detect(tmp_path)
    assert "Python: requirements.txt, pylock.toml, pyproject.toml" in caught.value.hint


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["pylock.toml", "requirements.txt"], "pylock.toml"),
        (["requirements.txt", "pyproject.toml", "uv.lock"], "requirements.txt"),
        (["pyproject.toml", "uv.lock"], "uv.lock"),
        (["pyproject.toml"], "pyproject.toml"),
        (["app.py"], ""),
    ],
)
def test_the_most_exact_list_of_dependencies_is_taken(tmp_path: Path, files: list[str], name: str) -> None:
    for each in files:
        (tmp_path / each).touch()
    assert PYTHON.dependencies(tmp_path) == name


@pytest.mark.parametrize("name", ["poetry.lock", "Pipfile.lock", "Pipfile"])
def test_a_foreign_lock_is_refused_with_the_command_that_exports_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    (tmp_path / "pyproject.toml").touch()
    with pytest.raises(BuildFailed, match=name) as caught:
        PYTHON.dependencies(tmp_path)
    assert caught.value.hint.startswith("Run `")
