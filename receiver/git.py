"""git as the receiver runs it: the bare repositories, bounds on each command, and an environment of its own.

git's configuration is ours alone: no system file, no home directory. Refs are never git's to decide: every one goes
through ``proc-receive`` and is written here, as one ``packed-refs`` file made from the rows.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from laambda.domain.app import App
from laambda.domain.refs import DEPLOY_BRANCHES, Pack
from laambda.errors import InvalidInput, PlatformError
from receiver.packfiles import delete_pack, move_packs, packs_in, read_archive, write_archive

OLDEST = (2, 29)
"""proc-receive came with git 2.29: https://github.com/git/git/blob/master/Documentation/RelNotes/2.29.0.txt"""
_REF_LINE = re.compile(r"([0-9a-f]{40}) (refs/\S+)")
_OUTPUT_LIMIT = 1024 * 1024
_COMPLAINTS = 4096
_SECONDS = 60.0
_REPACK_SECONDS = 3600.0
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


class GitFailed(PlatformError):
    """git itself said no."""


class Running:
    """A git command that runs; ``stdout`` is its output as it comes."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], complaints: IO[bytes], seconds: float) -> None:
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        self.stdout = process.stdout
        self._name = name
        self._process = process
        self._complaints = complaints
        self._seconds = seconds
        self._late = threading.Event()
        self._timer = threading.Timer(seconds, self._end_late)
        self._timer.daemon = True
        self._timer.start()

    def finish(self) -> None:
        """After all of its output was read: GitFailed where it failed, PlatformError where it took too long."""
        code = self._process.wait()
        if self._late.is_set():
            raise PlatformError(f"git {self._name} takes longer than {self._seconds:.0f} s")
        if code:
            self._complaints.seek(0)
            words = self._complaints.read(_COMPLAINTS).decode(errors="replace").strip()
            raise GitFailed(f"git {self._name}: {words[:500]}")

    def stop(self) -> None:
        """Kill it where it still runs."""
        self._timer.cancel()
        self._process.kill()

    def _end_late(self) -> None:
        self._late.set()
        self._process.kill()


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

    def run(
        self,
        repository: Path,
        *words: str,
        extra: Mapping[str, str] | None = None,
        given: bytes = b"",
        seconds: float = _SECONDS,
    ) -> bytes:
        """Output of a short command that reads ``given``; GitFailed with git's words where it fails.

        PlatformError where it says more than 1 MB or takes longer than ``seconds``.
        """
        with self.start(repository, *words, extra=extra, given=given, seconds=seconds) as running:
            said = running.stdout.read(_OUTPUT_LIMIT + 1)
            if len(said) > _OUTPUT_LIMIT:
                raise PlatformError(f"git {words[0]} says more than {_OUTPUT_LIMIT:,} bytes")
            running.finish()
        return said

    @contextmanager
    def start(
        self,
        repository: Path,
        *words: str,
        extra: Mapping[str, str] | None = None,
        given: bytes = b"",
        seconds: float = _SECONDS,
    ) -> Iterator[Running]:
        """Run a command beside the block, which reads as much of its output as it wants.

        It is killed when the block ends, or after ``seconds``.
        """
        with tempfile.TemporaryFile() as wanted, tempfile.TemporaryFile() as complaints:
            wanted.write(given)
            wanted.seek(0)
            with subprocess.Popen(
                ["git", f"--git-dir={repository}", *words],
                env=self.environment(extra),
                stdin=wanted,
                stdout=subprocess.PIPE,
                stderr=complaints,
            ) as process:
                running = Running(words[0], process, complaints, seconds)
                try:
                    yield running
                finally:
                    running.stop()

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
            self._git.run(self.path, "pack-objects", *words, f"{folder}/pack", seconds=_REPACK_SECONDS)
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


def sweep(root: Path, *, older_than: float) -> None:
    """Delete what pushes and mends cut short have left: quarantines last touched before ``older_than`` (a time)."""
    for pattern in ("*/*.git/objects/tmp_objdir-*", "*/*.git/tmp_*", ".work/*"):
        for path in root.glob(pattern):
            if path.stat().st_mtime < older_than:
                shutil.rmtree(path, ignore_errors=True)
