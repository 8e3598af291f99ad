"""Refs are rows; git only caches them. An object id is 40 lower-case hex digits, all zero for "does not exist"."""

from __future__ import annotations

import re
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
