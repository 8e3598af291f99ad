"""An empty repository of the receiver, with real git."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from laambda.domain.app import App
from laambda.domain.names import Scope
from receiver.git import CachedRepository, Git, write_config


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
    return make_tree(git, repository, f"100644 blob {blob.strip()}\tapp.py\n")


def make_tree(git: Git, repository: Path, listing: str) -> str:
    """Put the tree that ``listing`` describes into the repository."""
    return git.run(repository, "mktree", given=listing.encode()).decode().strip()
