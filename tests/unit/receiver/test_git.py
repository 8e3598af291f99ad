from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from laambda.domain.refs import Pack
from laambda.errors import InvalidInput, PlatformError
from receiver.git import CachedRepository, Git, check_git, sweep
from tests.unit.receiver.conftest import app, write_tree


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


def replaced(git: Git, folder: Path, script: str) -> Git:
    """The same, with another program in git's place."""
    program = folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return Git(git.config, f"{program.parent}:{git.path}")


def test_a_git_that_takes_too_long_is_ended(git: Git, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="git rev-list takes longer than 0 s"):
        replaced(git, tmp_path, "exec sleep 60").run(tmp_path, "rev-list", seconds=0.2)


def test_a_git_that_says_too_much_is_ended(git: Git, tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match="git rev-list says more than 1,048,576 bytes"):
        replaced(git, tmp_path, "exec yes").run(tmp_path, "rev-list")


def test_what_cut_off_pushes_left_is_swept(tmp_path: Path, repository: CachedRepository) -> None:
    left = repository.path / "objects" / "tmp_objdir-incoming-x"
    left.mkdir()
    sweep(tmp_path / "repositories", older_than=left.stat().st_mtime)
    assert left.exists()
    sweep(tmp_path / "repositories", older_than=left.stat().st_mtime + 1)

    assert not left.exists()
    assert (repository.path / "HEAD").exists()
