"""Refs are rows; git only caches them. An object id is 40 lower-case hex digits, all zero for "does not exist"."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

ZERO = "0" * 40
DEPLOY_BRANCHES = ("refs/heads/main", "refs/heads/master")
_OID = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class RefUpdate:
    """One ref of a push: ``name`` is to move from ``old`` to ``new``."""

    name: str
    old: str
    new: str

    @property
    def short(self) -> str:
        """``main`` for ``refs/heads/main``, as people say it."""
        return self.name.removeprefix("refs/heads/").removeprefix("refs/tags/")

    @property
    def deletes(self) -> bool:
        return self.new == ZERO

    @property
    def deploys(self) -> bool:
        """Whether a move of this ref makes a release."""
        return self.name in DEPLOY_BRANCHES


def is_object_id(text: str) -> bool:
    """Whether ``text`` is a SHA-1 object id as git prints it."""
    return _OID.fullmatch(text) is not None


@dataclass(frozen=True)
class Pack:
    """A stored pack of an app's repository: ``key`` in the object store, ``sha256`` (hex) and ``size`` (bytes)."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Commit:
    """What a push tells of a commit: its id, its tree's id and the first line of its message."""

    oid: str
    tree: str
    subject: str

    @property
    def description(self) -> str:
        """As its release is described: ``Deploy abc1234: Mend the thumbnails``."""
        return f"Deploy {self.oid[:7]}: {self.subject}" if self.subject else f"Deploy {self.oid[:7]}"


def clash(names: Collection[str], updates: Sequence[RefUpdate]) -> tuple[str, str] | None:
    """A ref that ``updates`` would make and another that would be its folder, or the reverse, which no clone could
    hold; None where all of ``names`` and ``updates`` go together."""
    after = (set(names) - {u.name for u in updates if u.deletes}) | {u.name for u in updates if not u.deletes}
    folders = {folder: name for name in sorted(after) for folder in _folders(name)}
    for update in updates:
        if update.deletes:
            continue
        other = folders.get(update.name) or next((f for f in _folders(update.name) if f in after), None)
        if other is not None:
            return update.name, other
    return None


def _folders(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(3, len(parts)))
