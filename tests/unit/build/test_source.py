from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from laambda.build.source import Unpacked, unpack
from laambda.errors import BuildFailed, PlatformError


def tar(path: Path, *members: tuple[str, bytes, str]) -> Path:
    """Members of (name, type, content or target)."""
    with tarfile.open(path, "w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, content
            data = content.encode() if kind == tarfile.REGTYPE else b""
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


REG, DIR, SYM, LNK = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE


def test_files_folders_and_inner_links_are_unpacked(tmp_path: Path) -> None:
    archive = tar(tmp_path / "s.tar", ("d", DIR, ""), ("d/a.py", REG, "x = 1"), ("b.py", SYM, "d/a.py"))
    assert unpack(archive, tmp_path / "tree") == Unpacked(3, 5)
    assert (tmp_path / "tree/b.py").read_text() == "x = 1"


def test_unpacking_again_starts_from_nothing(tmp_path: Path) -> None:
    unpack(tar(tmp_path / "1.tar", ("old", REG, "")), tmp_path / "tree")
    unpack(tar(tmp_path / "2.tar", ("new", REG, "")), tmp_path / "tree")
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["new"]


@pytest.mark.parametrize(
    "members",
    [
        [("../up", REG, "x")],
        [("/abs", REG, "x")],
        [("d/../../up", REG, "x")],
        [("out", SYM, "/etc")],
        [("out", SYM, "../..")],
        [("d", SYM, "."), ("d/a", REG, "x")],
        [("a", REG, "x"), ("b", LNK, "a")],
        [("fifo", tarfile.FIFOTYPE, "")],
        [("dev", tarfile.CHRTYPE, "")],
        [("a", REG, "x"), ("a", REG, "y")],
        [("a", SYM, "b"), ("a", REG, "y")],
    ],
)
def test_a_tar_that_would_write_elsewhere_is_refused(tmp_path: Path, members: list[tuple[str, bytes, str]]) -> None:
    with pytest.raises(BuildFailed):
        unpack(tar(tmp_path / "s.tar", *members), tmp_path / "deep" / "er" / "tree")
    assert not (tmp_path / "deep/er/tree").exists()
    assert not list(tmp_path.rglob("up"))


def test_a_damaged_tar_is_ours(tmp_path: Path) -> None:
    (tmp_path / "s.tar").write_bytes(b"not a tar" * 100)
    with pytest.raises(PlatformError):
        unpack(tmp_path / "s.tar", tmp_path / "tree")
