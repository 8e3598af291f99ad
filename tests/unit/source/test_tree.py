from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest

from laambda.errors import BuildFailed
from laambda.source.tree import TreeEntry, TreeLimits, check_tree, read_listing, write_tar

OID = "a" * 40


def entry(path: str, mode: str = "100644", size: int = 1) -> TreeEntry:
    return TreeEntry(mode, OID, size, path)


def refusal(*entries: TreeEntry, limits: TreeLimits | None = None) -> str:
    with pytest.raises(BuildFailed) as raised:
        check_tree(entries, limits or TreeLimits())
    return raised.value.message


def contents(**files: bytes) -> tuple[Sequence[TreeEntry], Callable[[TreeEntry], IO[bytes]]]:
    """Entries with the given content; a name's ``mode_`` prefix is not possible, so all are plain files."""
    entries = [entry(name, size=len(text)) for name, text in files.items()]
    return entries, lambda wanted: io.BytesIO(files[wanted.path])


def listed(listing: bytes, files: int = 100) -> list[TreeEntry]:
    return read_listing(io.BytesIO(listing), TreeLimits(files=files))


class Endless(io.RawIOBase):
    """A listing of the same record again and again; ``given`` counts its bytes."""

    def __init__(self, record: bytes) -> None:
        self._record = record
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.given += size
        return (self._record * (size // len(self._record) + 1))[:size]


def test_a_listing_is_read() -> None:
    listing = (
        f"040000 tree {OID}       -\tbin\x00100755 blob {OID}      12\tbin/run\x00"
        f"160000 commit {OID}       -\tlib\0".encode()
    )

    assert listed(listing) == [entry("bin/run", "100755", 12), entry("lib", "160000", 0)]


def test_a_listing_longer_than_what_is_read_at_once_is_whole() -> None:
    names = [f"{number:06}-{'x' * 90}" for number in range(2000)]
    listing = "".join(f"100644 blob {OID}       1\t{name}\0" for name in names).encode()

    assert [found.path for found in listed(listing, files=2000)] == names


def test_a_path_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(BuildFailed, match="not UTF-8"):
        listed(f"100644 blob {OID} 1\tcaf".encode() + b"\xe9\0")


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (f"100644 blob {OID} 1\ta\0".encode(), "more than 100 files"),
        (f"040000 tree {OID} -\ta\0".encode(), "more than 100 folders"),
        (f"040000 tree {OID} -\t{'a/' * 9000}\0".encode(), "too long"),
        (b"a/b", "too long"),
    ],
)
def test_a_listing_without_end_is_read_up_to_its_bound(record: bytes, words: str) -> None:
    listing = Endless(record)
    with pytest.raises(BuildFailed, match=words):
        read_listing(listing, TreeLimits(files=100))  # type: ignore[arg-type]

    assert listing.given <= 2 * 64 * 1024


def test_many_deep_paths_are_checked_in_no_time() -> None:
    folder = "a/" * 500

    check_tree([entry(f"{folder}{number}") for number in range(2_000)], TreeLimits())


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("a/../b", "leaves the tree"),
        ("a//b", "leaves the tree"),
        (".git/config", "taken for a git repository"),
        ("a/.GIT/config", "taken for a git repository"),
        ("con.py", "name of a device"),
        ("lib/NUL", "name of a device"),
        (".git. /x", "taken for a git repository"),
        ("a\nb", "control character"),
        ("x" * 256, "too long"),
        ("a/" * 600 + "b", "too long"),
    ],
)
def test_names_that_do_harm_are_refused(path: str, words: str) -> None:
    assert words in refusal(entry(path))


@pytest.mark.parametrize(("one", "other"), [("Readme", "README"), ("Lib/a", "lib/b"), ("caf\u00e9", "cafe\u0301")])
def test_names_that_a_file_system_would_join_are_refused(one: str, other: str) -> None:
    assert "differ in case alone" in refusal(entry(one), entry(other))


def test_a_submodule_is_named() -> None:
    assert refusal(entry("vendor/lib", "160000", 0)).startswith("vendor/lib is a git submodule")


def test_trees_have_bounds() -> None:
    limits = TreeLimits(file_bytes=10, total_bytes=15)

    assert "a has" in refusal(entry("a", size=11), limits=limits)
    assert "in all" in refusal(entry("a", size=8), entry("b", size=8), limits=limits)
    assert "no files" in refusal()


def test_the_tar_is_sorted_and_has_no_times_or_owners(tmp_path: Path) -> None:
    entries, read = contents(b=b"two", a=b"one")
    write_tar(entries, read, tmp_path / "source.tar")

    with tarfile.open(tmp_path / "source.tar") as tar:
        found = [(m.name, m.mode, m.mtime, m.uid, m.gid, m.uname) for m in tar]
    assert found == [("a", 0o644, 0, 0, 0, ""), ("b", 0o644, 0, 0, 0, "")]


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    entries, read = contents(a=b"one", b=b"two")
    write_tar(entries, read, tmp_path / "1.tar")
    write_tar(list(reversed(entries)), read, tmp_path / "2.tar")

    assert (tmp_path / "1.tar").read_bytes() == (tmp_path / "2.tar").read_bytes()


def test_executables_and_large_files_come_through(tmp_path: Path) -> None:
    big = bytes(range(256)) * 8
    write_tar([entry("run", "100755", len(big))], lambda _: io.BytesIO(big), tmp_path / "source.tar")

    with tarfile.open(tmp_path / "source.tar") as tar:
        member = tar.getmember("run")
        stream = tar.extractfile(member)
        assert stream is not None
        assert (member.mode, stream.read()) == (0o755, big)


def test_an_lfs_pointer_is_named(tmp_path: Path) -> None:
    entries, read = contents(model=b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    with pytest.raises(BuildFailed, match="model is a Git LFS pointer"):
        write_tar(entries, read, tmp_path / "source.tar")


@pytest.mark.parametrize("target", ["b", "../../b", "../x/y", "./b"])
def test_a_symlink_inside_the_tree_is_kept(tmp_path: Path, target: str) -> None:
    link = entry("a/c/link", "120000", len(target))
    write_tar([link], lambda _: io.BytesIO(target.encode()), tmp_path / "source.tar")

    with tarfile.open(tmp_path / "source.tar") as tar:
        assert (tar.getmember("a/c/link").issym(), tar.getmember("a/c/link").linkname) == (True, target)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../x", "b/../../x", "", "x/.."])
def test_a_symlink_that_may_leave_the_tree_is_refused(tmp_path: Path, target: str) -> None:
    link = entry("a/c/link", "120000", len(target))
    with pytest.raises(BuildFailed, match="the symlink a/c/link"):
        write_tar([link], lambda _: io.BytesIO(target.encode()), tmp_path / "source.tar")
