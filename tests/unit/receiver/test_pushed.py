from __future__ import annotations

import tarfile
import tracemalloc
from pathlib import Path

import pytest

from laambda.errors import BuildFailed, InvalidInput, PlatformError
from laambda.source.tree import TreeLimits
from receiver.git import CachedRepository, Git
from receiver.pushed import QuarantinedObjects
from tests.unit.receiver.conftest import make_tree, write_tree


def bomb(git: Git, repository: CachedRepository, tree: str, levels: int) -> str:
    """A tree of ten trees of ten trees ..., with ``tree`` at the ends."""
    for _ in range(levels):
        tree = make_tree(git, repository.path, "".join(f"040000 tree {tree}\t{name}\n" for name in range(10)))
    return tree


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


@pytest.mark.parametrize("empty", [False, True])
def test_a_small_pack_of_millions_of_files_or_folders_is_refused_at_once(
    git: Git, repository: CachedRepository, tmp_path: Path, empty: bool
) -> None:
    leaf = make_tree(git, repository.path, "") if empty else write_tree(git, repository.path, b"x")
    tree = bomb(git, repository, leaf, levels=12)
    pushed = QuarantinedObjects(git, repository.path, None, TreeLimits(files=1000))
    tracemalloc.start()
    try:
        with pytest.raises(BuildFailed, match="more than 1,000 f"):
            pushed.write_source(tree, tmp_path / "source.tar")
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert not (tmp_path / "source.tar").exists()


def test_of_a_giant_commit_no_more_is_read_than_its_head(git: Git, repository: CachedRepository) -> None:
    tree = write_tree(git, repository.path, b"x")
    who = "a <a@b> 1795443821 +0000"
    text = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nMend it\n\n".encode() + b"x" * 20_000_000
    oid = git.run(repository.path, "hash-object", "-t", "commit", "-w", "--stdin", given=text).decode().strip()
    tracemalloc.start()
    try:
        commit = QuarantinedObjects(git, repository.path, None, TreeLimits()).commit(oid)
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
    assert (commit.tree, commit.subject) == (tree, "Mend it")
