"""What a push brought, read through git while it is in quarantine.

All of it is a stranger's: a small pack can hold trees that name millions of files, and a commit of any size. What must
stay true: no more of git's output is held than the limits allow a build to have, and no git outlives its use.
"""

from __future__ import annotations

import logging
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from laambda.domain.refs import Commit
from laambda.errors import InvalidInput, PlatformError
from laambda.source.tree import TreeEntry, TreeLimits, check_tree, read_listing, write_tar
from receiver.git import Git, GitFailed
from receiver.packfiles import packs_in, write_archive

_log = logging.getLogger(__name__)

_SUBJECT_LIMIT = 100
_COMMIT_LIMIT = 256 * 1024
"""Bytes of a commit that are read: enough for its tree, its parents and its subject."""
_WALK_SECONDS = 600.0
"""For a walk through all that was pushed, which may be a large history."""


class QuarantinedObjects:
    """Implements ``ports.PushedObjects`` for a push whose pre-receive hook waits."""

    def __init__(self, git: Git, repository: Path, quarantine: Path | None, limits: TreeLimits) -> None:
        self._git = git
        self._repository = repository
        self._limits = limits
        self._quarantine = quarantine
        self._commits: dict[str, Commit] = {}
        self._extra: dict[str, str] = {}
        if quarantine is not None:
            objects = repository / "objects"
            if quarantine.parent.resolve() != objects.resolve():
                raise PlatformError(f"{quarantine} is not a quarantine of {repository}")
            self._extra = {
                "GIT_OBJECT_DIRECTORY": os.fspath(quarantine),
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": os.fspath(objects),
                "GIT_QUARANTINE_PATH": os.fspath(quarantine),
            }

    def commit(self, oid: str) -> Commit:
        if oid not in self._commits:
            self._commits[oid] = self._read_commit(oid)
        return self._commits[oid]

    def _read_commit(self, oid: str) -> Commit:
        try:
            with self._git.start(self._repository, "cat-file", "commit", oid, extra=self._extra) as running:
                text = running.stdout.read(_COMMIT_LIMIT)
                if len(text) < _COMMIT_LIMIT:
                    running.finish()
        except GitFailed:
            raise InvalidInput(f"{oid[:7]} is not a commit, so no branch can be there") from None
        head, _, message = text.decode("utf-8", "replace").partition("\n\n")
        subject = message.strip().split("\n", 1)[0]
        plain = "".join(char for char in subject if char.isprintable())[:_SUBJECT_LIMIT]
        return Commit(oid, tree=head.removeprefix("tree ")[:40], subject=plain.strip())

    def check_complete(self, oids: Sequence[str]) -> None:
        """The same walk that git does: https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---objects"""
        walk = ("rev-list", "--objects", "--quiet", "--stdin", "--not", "--all")
        try:
            given = "".join(f"{oid}\n" for oid in oids).encode()
            self._git.run(self._repository, *walk, extra=self._extra, given=given, seconds=_WALK_SECONDS)
        except GitFailed as error:
            _log.info("incomplete push: %s", error)
            raise InvalidInput(
                "the push does not bring the whole history of its commits",
                hint="In a shallow clone run git fetch --unshallow first; else git fsck shows what is missing",
            ) from None

    def write_source(self, tree: str, to: Path) -> None:
        words = ("ls-tree", "-r", "-t", "-z", "-l", "--full-tree", tree)
        with self._git.start(self._repository, *words, extra=self._extra) as running:
            entries = read_listing(running.stdout, self._limits)
            running.finish()
        check_tree(entries, self._limits)
        with self._blobs(entries, to.parent) as blobs:
            write_tar(entries, blobs, to)

    def new_pack(self, to: Path) -> bool:
        packs = packs_in(self._quarantine / "pack") if self._quarantine is not None else set()
        if packs:
            write_archive(packs, to)
        return bool(packs)

    @contextmanager
    def _blobs(self, entries: Sequence[TreeEntry], folder: Path) -> Iterator[_BlobStream]:
        """All blobs as one stream of ``git cat-file --batch``, in the order in which the tar wants them."""
        with tempfile.TemporaryFile(dir=folder) as wanted:
            ordered = sorted(entries, key=lambda entry: entry.path.encode())
            wanted.write("".join(f"{entry.oid}\n" for entry in ordered).encode())
            wanted.seek(0)
            with subprocess.Popen(
                ["git", f"--git-dir={self._repository}", "cat-file", "--batch", "--buffer"],
                env=self._git.environment(self._extra),
                stdin=wanted,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                try:
                    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
                    yield _BlobStream(process.stdout)
                finally:
                    process.kill()


class _BlobStream:
    """Reads ``<oid> blob <size>\\n<content>\\n`` records one after the other."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._first = True

    def __call__(self, entry: TreeEntry) -> IO[bytes]:
        if not self._first:
            self._stream.read(1)
        self._first = False
        header = self._stream.readline()
        if header != f"{entry.oid} blob {entry.size}\n".encode():
            raise PlatformError(f"git gave {header[:100]!r} for {entry.path}")
        return self._stream
