"""Which files of a tree go into the zip: all, but for what never belongs there and what ``.laambdaignore`` says.

The file has gitignore's simple rules: one pattern a line, ``#`` comments, ``*``, ``?``, ``[...]`` and ``**``, a
trailing ``/`` for folders, a leading or inner ``/`` for "from the root", ``!`` to take a file back. The last rule
that matches decides; the built-in rules come first. https://git-scm.com/docs/gitignore
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from laambda.errors import BuildFailed

IGNORE_FILE = ".laambdaignore"
BUILT_IN = """.git .hg .svn .gitignore .gitattributes .laambdaignore .DS_Store __pycache__/ *.pyc *.pyo
.venv/ venv/ .tox/ .nox/ .mypy_cache/ .pytest_cache/ .ruff_cache/ node_modules/ .env""".split()
_MAX_RULES = 1_000
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class AppFile:
    """A file for the zip: ``name`` with ``/``, ``path`` of its content, ``mode`` 0o644 or 0o755."""

    name: str
    path: Path
    mode: int


@dataclass(frozen=True)
class _Rule:
    segments: tuple[str, ...]
    folders_only: bool
    keeps: bool

    def matches(self, parts: Sequence[str], folder: bool) -> bool:
        return (folder or not self.folders_only) and _match(self.segments, parts)


def app_files(tree: Path) -> list[AppFile]:
    """The files to pack, by name; a link to a file is packed as that file. Raises BuildFailed."""
    rules = [_rule(line) for line in BUILT_IN] + _read_rules(tree / IGNORE_FILE)
    return sorted(_walk(tree, tree.resolve(), (), rules), key=lambda file: file.name)


def _walk(folder: Path, root: Path, parts: tuple[str, ...], rules: Sequence[_Rule]) -> Iterator[AppFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            here = (*parts, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if _ignored(here, is_folder, rules):
                continue
            if is_folder:
                yield from _walk(Path(entry.path), root, here, rules)
            else:
                yield _file(Path(entry.path), root, "/".join(here))


def _file(path: Path, root: Path, name: str) -> AppFile:
    try:
        target = path.resolve()
        packable = not path.is_symlink() or (target.is_file() and target.is_relative_to(root))
    except (OSError, RuntimeError):  # a loop of links
        packable = False
    if not packable:
        raise BuildFailed(f"{name} is a link that leads to no file of the repository", hint=f"Name it in {IGNORE_FILE}")
    if not name.isprintable() or "\\" in name:
        raise BuildFailed(f"The file name {name!r} can't be packed", hint=f"Rename it, or name it in {IGNORE_FILE}")
    return AppFile(name, target, 0o755 if target.stat().st_mode & 0o111 else 0o644)


def _ignored(parts: Sequence[str], folder: bool, rules: Sequence[_Rule]) -> bool:
    for rule in reversed(rules):
        if rule.matches(parts, folder):
            return not rule.keeps
    return False


def _read_rules(path: Path) -> list[_Rule]:
    if path.is_symlink() or not path.is_file():
        return []
    content = path.read_bytes()
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    rules = [_rule(line) for line in lines if line and not line.startswith("#")]
    if len(content) > _MAX_BYTES or len(rules) > _MAX_RULES:
        raise BuildFailed(f"{IGNORE_FILE} has more than {_MAX_RULES} rules or {_MAX_BYTES // 1024} KB")
    return rules


def _rule(line: str) -> _Rule:
    keeps, line = line.startswith("!"), line.removeprefix("!")
    folders_only, line = line.endswith("/"), line.rstrip("/")
    anchored, line = "/" in line, line.lstrip("/")
    segments = tuple(line.split("/"))
    return _Rule(segments if anchored else ("**", *segments), folders_only, keeps)


def _match(segments: Sequence[str], parts: Sequence[str]) -> bool:
    """Whether the path ``parts`` fits; ``**`` stands for any number of folders. Linear in both for each ``**``."""
    reachable = {0}
    for index, segment in enumerate(segments):
        if segment == "**" and reachable:
            final = index + 1 == len(segments)
            reachable = set(range(min(reachable) + final, len(parts) + final))
        else:
            reachable = {at + 1 for at in reachable if at < len(parts) and fnmatchcase(parts[at], segment)}
    return len(parts) in reachable
