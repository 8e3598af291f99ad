"""Reads what an app depends on, and refuses what could run its code on this host.

uv never sees the customer's files: it gets lines that we parsed and wrote ourselves, so the two can't read a
line differently. Names and versions only: VCS, local paths, URLs, editables and source builds are refused here.
Format: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from laambda.errors import BuildFailed

MAX_BYTES = 1 << 20
MAX_FILES = 50
MAX_LINES = 5_000
_TEXT_LIMIT = 2_000
_WHEELS_ONLY = "Dependencies come from wheels on a package index; publish one there and name it like `package==1.2`"
_HASH = re.compile(r"\s--hash[= ](sha256):([0-9a-f]{64})(?=\s|$)")
_VARIABLE = re.compile(r"\$\{[A-Z0-9_]+\}")
_IGNORED = frozenset({"--require-hashes", "--prefer-binary"})


@dataclass(frozen=True)
class Requirements:
    """What to resolve. ``hashes`` are the SHA-256 values (hex) that a package's wheel must be one of, by name."""

    wanted: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    hashes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    index: str = ""
    extra_indexes: tuple[str, ...] = ()
    prereleases: bool = False

    @property
    def pinned(self) -> bool:
        """Whether every package is fixed by hash, so that its lock never grows old."""
        names = {canonicalize_name(Requirement(line).name) for line in self.wanted}
        return bool(names) and names <= self.hashes.keys()

    def digest(self) -> str:
        """Hex SHA-256 over all that a resolution depends on here."""
        parts = [
            *sorted(self.wanted), "", *sorted(self.constraints), "", self.index, *self.extra_indexes, "",
            str(self.prereleases), *(f"{name}:{','.join(sorted(each))}" for name, each in sorted(self.hashes.items())),
        ]  # fmt: skip
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass
class _Draft:
    tree: Path
    seen: set[tuple[Path, bool]] = field(default_factory=set)
    wanted: list[str] = field(default_factory=list)
    constraints: list[str] = field(default_factory=list)
    hashes: dict[str, set[str]] = field(default_factory=dict)
    indexes: list[str] = field(default_factory=list)
    extras: list[str] = field(default_factory=list)
    prereleases: bool = False


def read_requirements(tree: Path, name: str = "requirements.txt") -> Requirements:
    """Read a requirements file of ``tree`` with its ``-r`` and ``-c``; raises BuildFailed naming file and line."""
    draft = _Draft(tree)
    _read_file(draft, name, constraint=False, origin=name)
    if len(draft.wanted) + len(draft.constraints) > MAX_LINES:
        raise BuildFailed(f"{name} and what it includes name more than {MAX_LINES} requirements")
    return Requirements(
        wanted=tuple(draft.wanted),
        constraints=tuple(draft.constraints),
        hashes={package: frozenset(values) for package, values in draft.hashes.items()},
        index=draft.indexes[-1] if draft.indexes else "",
        extra_indexes=tuple(draft.extras),
        prereleases=draft.prereleases,
    )


def read_project(document: Mapping[str, object]) -> Requirements:
    """The dependencies of a parsed ``pyproject.toml`` (PEP 621); raises BuildFailed.

    Dynamic dependencies would have to be computed by the project's own code, so they are refused.
    """
    project = document.get("project")
    if not isinstance(project, dict):
        return Requirements()
    if "dependencies" in (project.get("dynamic") or ()):
        raise BuildFailed("pyproject.toml computes its dependencies when it is built", hint="List them statically")
    lines = project.get("dependencies") or []
    if not isinstance(lines, list) or len(lines) > MAX_LINES or not all(isinstance(line, str) for line in lines):
        raise BuildFailed("pyproject.toml: project.dependencies is not a list of strings")
    return Requirements(wanted=tuple(str(_requirement(line, "pyproject.toml")) for line in lines))


def load_toml(path: Path) -> Mapping[str, object]:
    """Parse a TOML file of the tree; raises BuildFailed naming file and place."""
    try:
        return tomllib.loads(_text(path, path.name))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BuildFailed(f"{path.name} is not valid TOML: {error}") from None


def _read_file(draft: _Draft, name: str, *, constraint: bool, origin: str) -> None:
    path = _inside(draft.tree, name, origin)
    if (path, constraint) in draft.seen:
        return
    draft.seen.add((path, constraint))
    if len(draft.seen) > MAX_FILES:
        raise BuildFailed(f"{origin} includes more than {MAX_FILES} files")
    for number, line in _lines(_text(path, name)):
        _read_line(draft, line, PurePosixPath(name), f"{name} line {number}", constraint=constraint)


def _read_line(draft: _Draft, line: str, name: PurePosixPath, where: str, *, constraint: bool) -> None:
    if line.startswith("-"):
        _read_option(draft, line, name, where, constraint=constraint)
        return
    if _VARIABLE.search(line):
        raise BuildFailed(f"{where} uses an environment variable", hint="A build sees no variables; write the value")
    hashes = {value for _, value in _HASH.findall(line)}
    text = _HASH.sub("", line).strip()
    if " --" in text:
        raise BuildFailed(f"{where}: {text[:80]!r} has an option that is not supported", hint=_WHEELS_ONLY)
    requirement = _requirement(text, where)
    if hashes:
        draft.hashes.setdefault(canonicalize_name(requirement.name), set()).update(hashes)
    (draft.constraints if constraint else draft.wanted).append(str(requirement))


def _read_option(draft: _Draft, line: str, name: PurePosixPath, where: str, *, constraint: bool) -> None:
    option, value = _split_option(line)
    if option in ("-r", "--requirement"):
        _read_file(draft, str(name.parent / value), constraint=constraint, origin=where)
    elif option in ("-c", "--constraint"):
        _read_file(draft, str(name.parent / value), constraint=True, origin=where)
    elif option in ("-i", "--index-url"):
        draft.indexes.append(check_index(value, where))
    elif option == "--extra-index-url":
        draft.extras.append(check_index(value, where))
    elif option == "--pre":
        draft.prereleases = True
    elif option == "--only-binary" or option in _IGNORED:
        return
    elif option in ("-e", "--editable", "--no-binary", "-f", "--find-links"):
        raise BuildFailed(f"{where}: {option} is not supported, it could run code on the build host", hint=_WHEELS_ONLY)
    else:
        raise BuildFailed(f"{where}: the option {option[:40]} is not supported", hint="Remove the line")


def _split_option(line: str) -> tuple[str, str]:
    """Option and value of ``--name=value``, ``--name value``, ``-r value`` and ``-rvalue``."""
    head, _, rest = line.partition(" ")
    if head.startswith("--"):
        option, equals, value = head.partition("=")
        return option, (value + (f" {rest}" if rest else "") if equals else rest).strip()
    return (head[:2], (head[2:] + rest).strip().removeprefix("=").strip())


def _requirement(text: str, where: str) -> Requirement:
    if "://" in text or text.startswith((".", "/", "~")) or text.endswith((".whl", ".zip", ".tar.gz")):
        raise BuildFailed(f"{where}: {_shown(text)} is a URL or a path", hint=_WHEELS_ONLY)
    try:
        requirement = _plain(text[:_TEXT_LIMIT])
    except (ValueError, RecursionError):
        raise BuildFailed(f"{where}: {text[:80]!r} is not a requirement", hint="Write it like `package==1.2`") from None
    if requirement.url:
        raise BuildFailed(f"{where}: {requirement.name} comes from a URL or a path", hint=_WHEELS_ONLY)
    return requirement


def _plain(text: str) -> Requirement:
    """The requirement; ValueError unless it reads the same once it is written as uv will get it.

    Markers hold string literals with escapes, which could bring a line break or a quote into what we write.
    """
    requirement = Requirement(text)
    written = str(requirement)
    if "\\" in text or not written.isascii() or not written.isprintable():
        raise ValueError(text)
    for specifier in requirement.specifier:
        Version(specifier.version.removesuffix(".*"))
    return Requirement(written)


def check_index(url: str, where: str) -> str:
    """An index that a customer may name: public HTTPS without credentials; raises BuildFailed naming ``where``."""
    if urlsplit(url).username or urlsplit(url).password:
        raise BuildFailed(
            f"{where} holds a password",
            hint="Remove it from the repository and change it; ask your operator to set the index",
        )
    if not is_public(url):
        raise BuildFailed(
            f"{where}: {_shown(url)} is not a public https:// index", hint="Ask your operator to set the index"
        )
    return url


def is_public(url: str) -> bool:
    """Whether ``url`` is HTTPS to a full host name: a pushed file must not lead us into our own network."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    inside = "." not in host or host.endswith((".local", ".internal")) or _is_address(host)
    return parts.scheme == "https" and not inside


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.rpartition(".")[2].isdigit()
    return True


def _shown(text: str) -> str:
    """``text`` without what may be a password in it."""
    return re.sub(r"://[^/\s]*@", "://***@", text)[:80]


def _inside(tree: Path, name: str, origin: str) -> Path:
    try:
        path = (tree / name).resolve()
        outside, there = not path.is_relative_to(tree.resolve()), path.is_file()
    except (OSError, RuntimeError, ValueError):  # too long, a loop of links, a NUL
        raise BuildFailed(f"{origin}: {name[:80]!r} is not the name of a file") from None
    if outside:
        raise BuildFailed(f"{origin}: {name[:80]} is outside of the repository", hint="Include files of the repository")
    if not there:
        raise BuildFailed(f"{origin}: there is no file {name[:80]}", hint="Commit it, or correct the name")
    return path


def _text(path: Path, name: str) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise BuildFailed(f"{name} is larger than {MAX_BYTES >> 20} MB")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BuildFailed(f"{name} is not UTF-8", hint="Save the file as UTF-8") from None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first one: continued ones joined, comments and blanks dropped."""
    held, first = "", 0
    for number, raw in enumerate([*text.splitlines(), ""], start=1):
        first = first or number
        if raw.endswith("\\") and not raw.lstrip().startswith("#"):
            held += raw[:-1] + " "
            continue
        line = _uncommented(held + raw)
        if line:
            yield first, line
        held, first = "", 0


def _uncommented(line: str) -> str:
    """``line`` up to a ``#`` that starts it or follows white space."""
    at = line.find("#")
    while at > 0 and not line[at - 1].isspace():
        at = line.find("#", at + 1)
    return (line if at < 0 else line[:at]).strip()
