"""git as the receiver runs it: the bare repositories, the pushed objects, and an environment of its own.

git's configuration is ours alone: no system file, no home directory. Refs are never git's to decide: every one goes
through ``proc-receive`` and is written here, as one ``packed-refs`` file made from the rows.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from laambda.domain.app import App
from laambda.domain.refs import DEPLOY_BRANCHES, Commit, Pack
from laambda.errors import InvalidInput, PlatformError
from laambda.source.tree import TreeEntry, TreeLimits, check_tree, parse_listing, write_tar
from receiver.packfiles import delete_pack, move_packs, packs_in, read_archive, write_archive

_log = logging.getLogger(__name__)

OLDEST = (2, 29)
"""proc-receive came with git 2.29: https://github.com/git/git/blob/master/Documentation/RelNotes/2.29.0.txt"""
_REF_LINE = re.compile(r"([0-9a-f]{40}) (refs/\S+)")
_SUBJECT_LIMIT = 100
_STORED = "laambda-packs"

_CONFIG = """\
# Written by the receiver at each start.
[core]
	hooksPath = {hooks}
[receive]
	procReceiveRefs = refs/
	advertisePushOptions = true
	fsckObjects = true
	maxInputSize = {limit}
	unpackLimit = 1
	autogc = false
	denyDeleteCurrent = true
[transfer]
	hideRefs = refs/laambda
[uploadpack]
	allowFilter = false
[gc]
	auto = 0
[pack]
	threads = 1
[safe]
	directory = *
"""


def check_git(git: str = "git") -> None:
    """Raise InvalidInput where git is missing or too old."""
    try:
        said = subprocess.run([git, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError):
        raise InvalidInput("git is not installed", hint="apt-get install git") from None
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise InvalidInput(f"the receiver needs git {wanted} or newer, this is {said.strip()}", hint="Upgrade git")


@dataclass(frozen=True)
class Git:
    """How git is run here. ``config`` is its only configuration file."""

    config: Path
    path: str

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        return {
            "PATH": self.path,
            "LANG": "C.UTF-8",
            "HOME": "/nonexistent",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.fspath(self.config),
            "GIT_TERMINAL_PROMPT": "0",
            **(extra or {}),
        }

    def run(self, repository: Path, *words: str, extra: Mapping[str, str] | None = None, given: bytes = b"") -> bytes:
        """Output of a short command that reads ``given``; PlatformError with git's words where it fails."""
        done = subprocess.run(
            ["git", f"--git-dir={repository}", *words],
            env=self.environment(extra),
            input=given,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise PlatformError(f"git {words[0]}: {done.stderr.decode(errors='replace').strip()[:500]}")
        return done.stdout

    def serve(self, service: str, repository: Path, extra: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start ``receive-pack`` or ``upload-pack`` in a session of its own, with pipes."""
        return subprocess.Popen(
            ["git", service, os.fspath(repository)],
            env=self.environment(extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )


def write_config(path: Path, hooks: Path, *, max_bytes: int) -> None:
    """Write git's configuration; a push of more than ``max_bytes`` is cut off."""
    quoted = os.fspath(hooks).replace("\\", "\\\\").replace('"', '\\"')
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(_CONFIG.format(hooks=f'"{quoted}"', limit=max_bytes))
    fresh.replace(path)


class CachedRepository:
    """Implements ``ports.Repository`` for one app. An app made anew under an old name finds an empty one."""

    def __init__(self, root: Path, app: App, git: Git) -> None:
        born = f"{app.created_at:%Y%m%d%H%M%S}"
        self.path = root / app.scope.app / f"{app.scope.environment}-{born}.git"
        self._packs = self.path / "objects" / "pack"
        self._lock_file = root / app.scope.app / f"{app.scope.environment}-{born}.lock"
        self._git = git

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Nobody else mends meanwhile; the repository exists inside the block."""
        while True:
            self._lock_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._lock_file.open("a") as held:
                fcntl.flock(held, fcntl.LOCK_EX)
                if self._is_current(held):
                    self._create()
                    yield
                    return

    def has_pack(self, pack: Pack) -> bool:
        return (self.path / _STORED / pack.sha256).exists()

    def add_pack(self, pack: Pack, archive: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="tmp_add-", dir=self.path) as folder:
            read_archive(archive, Path(folder))
            move_packs(Path(folder), self._packs)
        self.keep_pack(pack)

    def keep_pack(self, pack: Pack) -> None:
        (self.path / _STORED / pack.sha256).touch()

    def repack(self, to: Path) -> None:
        """As ``git repack -a -d -k``, which other gits may meet at any time: they find the new pack."""
        before = packs_in(self._packs)
        with tempfile.TemporaryDirectory(prefix="tmp_repack-", dir=self.path) as folder:
            words = ("--all", "--keep-unreachable", "--delta-base-offset", "--window-memory=64m", "-q")
            self._git.run(self.path, "pack-objects", *words, f"{folder}/pack")
            made = {self._packs / pack.name for pack in packs_in(Path(folder))}
            write_archive(packs_in(Path(folder)), to)
            move_packs(Path(folder), self._packs)
        for old in before - made:
            delete_pack(old)

    def refs(self) -> Mapping[str, str]:
        try:
            lines = (self.path / "packed-refs").read_text().splitlines()
        except FileNotFoundError:
            return {}
        return {found[2]: found[1] for line in lines if (found := _REF_LINE.fullmatch(line))}

    def set_refs(self, refs: Mapping[str, str]) -> None:
        head = next((name for name in DEPLOY_BRANCHES if name in refs), DEPLOY_BRANCHES[0])
        self._write("HEAD", f"ref: {head}\n")
        self._write("packed-refs", "".join(f"{oid} {name}\n" for name, oid in sorted(refs.items())))

    def _create(self) -> None:
        """What ``git init --bare`` makes, as far as git needs it; each file whole or not at all."""
        if (self.path / "HEAD").exists():
            return
        for folder in ("objects/pack", "refs", _STORED):
            (self.path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write("config", "[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        self._write("HEAD", f"ref: {DEPLOY_BRANCHES[0]}\n")

    def _write(self, name: str, text: str) -> None:
        fresh = self.path / f".{name}.new"
        fresh.write_text(text)
        fresh.replace(self.path / name)

    def _is_current(self, held: IO[str]) -> bool:
        """Whether the locked file is still the one in the folder, which may have been deleted meanwhile."""
        try:
            return os.path.samestat(os.fstat(held.fileno()), self._lock_file.stat())
        except FileNotFoundError:
            return False


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
            text = self._git.run(self._repository, "cat-file", "commit", oid, extra=self._extra)
        except PlatformError:
            raise InvalidInput(f"{oid[:7]} is not a commit, so no branch can be there") from None
        head, _, message = text.decode("utf-8", "replace").partition("\n\n")
        subject = message.strip().split("\n", 1)[0]
        plain = "".join(char for char in subject if char.isprintable())[:_SUBJECT_LIMIT]
        return Commit(oid, tree=head.removeprefix("tree ")[:40], subject=plain.strip())

    def check_complete(self, oids: Sequence[str]) -> None:
        """The same walk that git does: https://git-scm.com/docs/git-rev-list#Documentation/git-rev-list.txt---objects"""
        walk = ("rev-list", "--objects", "--quiet", "--stdin", "--not", "--all")
        try:
            self._git.run(self._repository, *walk, extra=self._extra, given="".join(f"{o}\n" for o in oids).encode())
        except PlatformError as error:
            _log.info("incomplete push: %s", error)
            raise InvalidInput(
                "the push does not bring the whole history of its commits",
                hint="In a shallow clone run git fetch --unshallow first; else git fsck shows what is missing",
            ) from None

    def write_source(self, tree: str, to: Path) -> None:
        listing = self._git.run(self._repository, "ls-tree", "-r", "-z", "-l", "--full-tree", tree, extra=self._extra)
        entries = list(parse_listing(listing))
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


def sweep(root: Path, *, older_than: float) -> None:
    """Delete what pushes and mends cut short have left: quarantines last touched before ``older_than`` (a time)."""
    for pattern in ("*/*.git/objects/tmp_objdir-*", "*/*.git/tmp_*", ".work/*"):
        for path in root.glob(pattern):
            if path.stat().st_mtime < older_than:
                shutil.rmtree(path, ignore_errors=True)
