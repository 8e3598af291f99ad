from __future__ import annotations

import os
import subprocess
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from laambda.domain.app import App
from laambda.domain.names import Scope
from laambda.domain.refs import Pack
from laambda.errors import InvalidInput, PlatformError
from laambda.source.tree import TreeLimits
from receiver.git import CachedRepository, Git, QuarantinedObjects, check_git, sweep, write_config


@pytest.fixture
def git(tmp_path: Path) -> Git:
    write_config(tmp_path / "gitconfig", tmp_path / "hooks", max_bytes=1000)
    return Git(tmp_path / "gitconfig", os.environ["PATH"])


@pytest.fixture
def repository(tmp_path: Path, git: Git) -> CachedRepository:
    repository = CachedRepository(tmp_path / "repositories", app(2020), git)
    with repository.lock():
        pass
    return repository


def app(year: int) -> App:
    return App(Scope("api"), "arn:aws:iam::123456789012:role/api", datetime(year, 1, 1, tzinfo=UTC), "ada")


def write_tree(git: Git, repository: Path, content: bytes) -> str:
    """Put a tree with one file ``app.py`` into the repository."""
    words = ["git", f"--git-dir={repository}"]
    environment = git.environment()
    blob = subprocess.run(
        [*words, "hash-object", "-w", "--stdin"], input=content, env=environment, capture_output=True, check=True
    ).stdout.decode()
    listing = f"100644 blob {blob.strip()}\tapp.py\n".encode()
    made = subprocess.run([*words, "mktree"], input=listing, env=environment, capture_output=True, check=True)
    return made.stdout.decode().strip()


def test_a_git_that_is_too_old_is_said(tmp_path: Path) -> None:
    old = tmp_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.28.4\n")
    old.chmod(0o755)

    check_git()
    with pytest.raises(InvalidInput, match=r"needs git 2.29 or newer, this is git version 2.28.4"):
        check_git(os.fspath(old))
    with pytest.raises(InvalidInput, match="git is not installed"):
        check_git(os.fspath(tmp_path / "nothing"))


def test_git_reads_no_configuration_but_ours(git: Git, repository: CachedRepository) -> None:
    said = git.run(repository.path, "config", "--list", "--show-origin").decode()
    files = {line.split("\t")[0] for line in said.splitlines()}

    assert files == {f"file:{git.config}", "file:" + os.fspath(repository.path / "config")}
    assert git.run(repository.path, "config", "receive.procReceiveRefs") == b"refs/\n"


def test_git_shows_the_refs_that_were_set(git: Git, repository: CachedRepository) -> None:
    tree = write_tree(git, repository.path, b"x")
    commit = git.run(repository.path, "-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", tree, "-m", "x")
    oid = commit.decode().strip()
    repository.set_refs({"refs/heads/master": oid, "refs/tags/v1": oid})

    assert git.run(repository.path, "show-ref").decode() == f"{oid} refs/heads/master\n{oid} refs/tags/v1\n"
    assert git.run(repository.path, "symbolic-ref", "HEAD") == b"refs/heads/master\n"
    assert repository.refs() == {"refs/heads/master": oid, "refs/tags/v1": oid}
    repository.set_refs({})
    assert git.run(repository.path, "for-each-ref") == b""


def test_an_app_made_anew_finds_an_empty_repository(tmp_path: Path, repository: CachedRepository, git: Git) -> None:
    repository.set_refs({"refs/heads/main": "1" * 40})

    assert CachedRepository(tmp_path / "repositories", app(2021), git).refs() == {}


def test_a_pack_archive_brings_nothing_but_packs(tmp_path: Path, repository: CachedRepository) -> None:
    name = f"pack-{'a' * 40}"
    with tarfile.open(tmp_path / "pack.tar", "w") as tar:
        for member in (f"{name}.pack", f"{name}.idx", "../../config", "hooks/post-receive"):
            tar.addfile(tarfile.TarInfo(member))
    pack = Pack("packs/x.tar", "f" * 64, 1)
    repository.add_pack(pack, tmp_path / "pack.tar")

    assert repository.has_pack(pack)
    found = sorted(path.name for path in (repository.path / "objects/pack").iterdir())
    assert found == [f"{name}.idx", f"{name}.pack"]
    assert not (repository.path / "hooks").exists()


def test_a_quarantine_of_another_repository_is_refused(git: Git, repository: CachedRepository, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="is not a quarantine"):
        QuarantinedObjects(git, repository.path, tmp_path, TreeLimits())


def test_a_tree_is_no_commit(git: Git, repository: CachedRepository) -> None:
    tree = write_tree(git, repository.path, b"x")
    with pytest.raises(InvalidInput, match="is not a commit"):
        QuarantinedObjects(git, repository.path, None, TreeLimits()).commit(tree)


def test_a_tree_becomes_a_tar(git: Git, repository: CachedRepository, tmp_path: Path) -> None:
    tree = write_tree(git, repository.path, b"print('hello')\n")
    QuarantinedObjects(git, repository.path, None, TreeLimits()).write_source(tree, tmp_path / "source.tar")

    with tarfile.open(tmp_path / "source.tar") as tar:
        stream = tar.extractfile("app.py")
        assert stream is not None
        assert stream.read() == b"print('hello')\n"


def test_what_cut_off_pushes_left_is_swept(tmp_path: Path, repository: CachedRepository) -> None:
    left = repository.path / "objects" / "tmp_objdir-incoming-x"
    left.mkdir()
    sweep(tmp_path / "repositories", older_than=left.stat().st_mtime)
    assert left.exists()
    sweep(tmp_path / "repositories", older_than=left.stat().st_mtime + 1)

    assert not left.exists()
    assert (repository.path / "HEAD").exists()
