"""The key file: private, made once, whoever comes first."""

from __future__ import annotations

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from laambda.cloud.keyfile import KeyFileVault
from laambda.errors import PlatformError

CONTEXT = {"app": "api"}


def seal_there(path: Path) -> bytes:
    return KeyFileVault(path).seal(b"plain", CONTEXT)


def test_the_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secrets.key"
    seal_there(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(path.read_bytes()) == 32
    assert [file.name for file in path.parent.iterdir()] == ["secrets.key"]


def test_processes_that_come_first_together_agree_on_one_key(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        bags = list(pool.map(seal_there, [path] * 4))
    assert {KeyFileVault(path).open(bag, CONTEXT) for bag in bags} == {b"plain"}


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    seal_there(path)
    path.chmod(0o640)
    with pytest.raises(PlatformError, match="can be read by others") as refused:
        seal_there(path)
    assert refused.value.hint == f"chmod 600 {path}"


def test_a_file_cut_short_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secrets.key"
    path.touch(0o600)
    with pytest.raises(PlatformError, match="holds 0 bytes"):
        seal_there(path)


def test_a_bag_of_another_key_says_that_the_key_is_the_matter(tmp_path: Path) -> None:
    bag = seal_there(tmp_path / "old.key")
    with pytest.raises(PlatformError, match="another key than"):
        KeyFileVault(tmp_path / "new.key").open(bag, CONTEXT)
