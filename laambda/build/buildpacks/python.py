"""Python apps.

Version: ``laambda.toml``, else ``.python-version``, ``runtime.txt``, ``requires-python`` of pyproject.toml, else the
platform's default.

Dependencies: ``pylock.toml``, else ``requirements.txt``, else ``uv.lock``, else the static list of pyproject.toml, else
none. A lock is honoured exactly. One of another tool is refused with the command that exports it, since guessing
past a lock would release other versions than were tested.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from laambda.build.indexes import Indexes
from laambda.build.lock import NOTHING, Lock, Locking, export_uv_lock, lock_requirements, read_pylock
from laambda.build.manifest import NAME as MANIFEST
from laambda.build.manifest import Manifest
from laambda.build.requirements import load_toml, read_project, read_requirements
from laambda.build.target import BuildTarget
from laambda.domain.runtimes import Runtime, find, supported, table
from laambda.errors import BuildFailed

_VERSION = re.compile(r"(?:cpython-|python-?)?(\d+)\.(\d+)(?:\.(?:\d+|x|\*))?", re.IGNORECASE)
_PATCHES = 100
_LOCK_LIMIT = 16 * 1024 * 1024
_FOREIGN_LOCKS = {
    "poetry.lock": "poetry export -o requirements.txt",
    "Pipfile.lock": "pipenv requirements --hash > requirements.txt",
    "Pipfile": "pipenv requirements --hash > requirements.txt",
}


class PythonBuildpack:
    """See the module."""

    name = "Python"
    marks: Sequence[str] = (
        "requirements.txt", "pylock.toml", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "*.py"
    )  # fmt: skip

    def runtime(self, tree: Path, manifest: Manifest, *, default: str, today: date) -> tuple[Runtime, str]:
        """The runtime and the file that chose it (or "default")."""
        if manifest.runtime:
            return find(manifest.runtime, today, origin=MANIFEST), MANIFEST
        for name in (".python-version", "runtime.txt"):
            if version := _first_line(tree / name):
                return find(_identifier(version, name, today), today, origin=name), name
        if wanted := _requires_python(tree):
            return _newest(wanted, default, today), "pyproject.toml"
        return find(default, today, origin="The default runtime"), "default"

    def dependencies(self, tree: Path) -> str:
        """The file that names the dependencies, or an empty string."""
        for name in ("pylock.toml", "requirements.txt"):
            if (tree / name).is_file():
                return name
        for name, command in _FOREIGN_LOCKS.items():
            if (tree / name).is_file():
                raise BuildFailed(
                    f"{name} is not read directly yet; pylock.toml, requirements.txt and pyproject.toml are",
                    hint=f"Run `{command}` and commit the result",
                )
        if not (tree / "pyproject.toml").is_file():
            return ""
        return "uv.lock" if (tree / "uv.lock").is_file() else "pyproject.toml"

    def lock(self, tree: Path, target: BuildTarget, indexes: Indexes, how: Locking) -> Lock:
        """The wheels for the zip."""
        name = self.dependencies(tree)
        if not name:
            return NOTHING
        if name == "pylock.toml":
            return read_pylock(_content(tree / name), name, target, how)
        if name == "uv.lock":
            return export_uv_lock(_content(tree / name), _content(tree / "pyproject.toml"), target, how)
        wanted = read_requirements(tree) if name == "requirements.txt" else read_project(load_toml(tree / name))
        return lock_requirements(wanted, target, indexes, how)


def _first_line(path: Path) -> str:
    """The first line that says something, or an empty string."""
    if not path.is_file():
        return ""
    lines = (line.partition("#")[0].strip() for line in _text(path).splitlines())
    return next((line for line in lines if line), "")


def _content(path: Path) -> bytes:
    if path.stat().st_size > _LOCK_LIMIT:
        raise BuildFailed(f"{path.name} is larger than {_LOCK_LIMIT >> 20} MB")
    return path.read_bytes()


def _text(path: Path) -> str:
    try:
        return _content(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BuildFailed(f"{path.name} is not UTF-8", hint="Save the file as UTF-8") from None


def _identifier(version: str, name: str, today: date) -> str:
    if not (match := _VERSION.fullmatch(version)):
        raise BuildFailed(
            f"{name}: {version[:40]!r} is not a Python version", hint=f"Use one of {_versions(today)}, as in `3.13`"
        )
    return f"python{match[1]}.{match[2]}"


def _requires_python(tree: Path) -> SpecifierSet | None:
    path = tree / "pyproject.toml"
    project = load_toml(path).get("project") if path.is_file() else None
    text = project.get("requires-python") if isinstance(project, dict) else None
    if not text:
        return None
    try:
        return SpecifierSet(str(text)[:200])
    except InvalidSpecifier:
        raise BuildFailed(f"pyproject.toml: requires-python = {str(text)[:60]!r} is not a version specifier") from None


def _newest(wanted: SpecifierSet, default: str, today: date) -> Runtime:
    """The default runtime where it will do, else the newest that does."""
    fitting = [name for name in supported(today) if _fits(wanted, table()[name])]
    if not fitting:
        raise BuildFailed(
            f"pyproject.toml: no runtime of Lambda fits requires-python {str(wanted)!r}",
            hint=f"Lambda has Python {_versions(today)}",
        )
    return table()[default if default in fitting else fitting[-1]]


def _fits(wanted: SpecifierSet, runtime: Runtime) -> bool:
    """Whether any patch release of the runtime's minor version would do: AWS chooses the patch."""
    major, minor = runtime.version
    return any(wanted.contains(f"{major}.{minor}.{patch}") for patch in range(_PATCHES))


def _versions(today: date) -> str:
    return ", ".join(name.removeprefix("python") for name in supported(today))
