from __future__ import annotations

import io
import os
import struct
import tempfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from laambda.build import wheelfile
from laambda.build.wheelfile import BadWheel
from tests.unit.build.wheelhouse import wheel


def check(content: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        wheelfile.check(file.fileno(), "x.whl")


def archive(*members: tuple[zipfile.ZipInfo | str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        file.writestr("x-1.dist-info/WHEEL", "Wheel-Version: 1.0\n")
        for member, content in members:
            file.writestr(member, content)
    return out.getvalue()


def central(content: bytes, name: bytes) -> int:
    """Offset of ``name``'s entry in the central directory."""
    return content.rindex(name) - 46


def patched(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]


def test_a_good_wheel_passes() -> None:
    check(wheel("six"))


def test_a_streamed_wheel_with_descriptors_passes() -> None:
    class Stream(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *args: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    out = Stream()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("x-1.dist-info/WHEEL", "Wheel-Version: 1.0\n" * 50)
        file.writestr("x.py", "x = 1\n" * 50)
    check(out.getvalue())


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.py", "a/../../b", "a//b", "./a", "a\\b", "a\nb", "..", "a/./b"])
def test_a_path_that_could_leave_its_folder_is_refused(name: str) -> None:
    info = zipfile.ZipInfo("x")
    info.filename = name
    with pytest.raises(BadWheel, match="forbidden name"):
        check(archive((info, b"x")))


def test_a_link_is_refused() -> None:
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with pytest.raises(BadWheel, match="link or a device"):
        check(archive((info, b"/etc/passwd")))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_is_there_twice_is_refused() -> None:
    with pytest.raises(BadWheel, match="twice"):
        check(archive(("a.py", b"1"), ("a.py", b"2")))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_lambda_does_not_read_is_refused(method: int) -> None:
    with pytest.raises(BadWheel, match="not by deflate"):
        check(archive(("a.py", b"x" * 100), method=method))


def test_header_and_directory_must_name_the_same_file() -> None:
    content = archive(("good.py", b"x" * 100))
    with pytest.raises(BadWheel, match=r"disagree about good\.py"):
        check(patched(content, content.index(b"good.py"), b"evil.py"))


def test_header_and_directory_must_tell_the_same_size() -> None:
    content = archive(("good.py", b"x" * 100))
    with pytest.raises(BadWheel, match="disagree"):
        check(patched(content, content.index(b"good.py") - 8, struct.pack("<I", 7)))


def test_damaged_data_is_refused() -> None:
    content = archive(("good.py", os.urandom(1000)))
    with pytest.raises(BadWheel, match="is damaged"):
        check(patched(content, content.index(b"good.py") + 300, b"!!!!"))


def test_an_encrypted_member_is_refused() -> None:
    content = archive(("good.py", b"x" * 100))
    with pytest.raises(BadWheel, match="encrypted"):
        check(patched(content, central(content, b"good.py") + 8, b"\1"))


def test_two_entries_for_the_same_bytes_are_refused() -> None:
    content = archive(("a.py", b"x" * 100), ("b.py", b"x" * 100))
    first = content.index(b"a.py") - 30
    with pytest.raises(BadWheel, match=r"disagree about b\.py"):
        check(patched(content, central(content, b"b.py") + 42, struct.pack("<I", first)))


def test_an_overlap_with_a_header_hidden_in_data_is_refused() -> None:
    inner = archive(("b.py", b"y" * 10), method=zipfile.ZIP_STORED)
    local = inner[inner.index(b"b.py") - 30 : inner.index(b"b.py") + 14]
    content = archive(("a.bin", local), ("b.py", b"y" * 10), method=zipfile.ZIP_STORED)
    hidden = content.index(local)
    with pytest.raises(BadWheel, match="overlap"):
        check(patched(content, central(content, b"b.py") + 42, struct.pack("<I", hidden)))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    content = archive(("a.py", b"x" * 100))
    at = central(content, b"a.py") + 24
    with pytest.raises(BadWheel, match="more than 1024 MB"):
        check(patched(content, at, struct.pack("<I", 0x7FFF_FFFF)))


def test_a_member_that_grows_beyond_its_size_is_stopped() -> None:
    content = archive(("good.py", b"x" * 5_000_000))
    for at in (central(content, b"good.py") + 24, content.index(b"good.py") - 8):
        content = patched(content, at, struct.pack("<I", 10))
    with pytest.raises(BadWheel, match="is damaged"):
        check(content)


def test_zip64_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("x-1.dist-info/WHEEL", "")
        with file.open("a.py", "w", force_zip64=True) as member:
            member.write(b"x")
    with pytest.raises(BadWheel, match=r"disagree|beyond"):
        check(out.getvalue())


def test_a_needless_zip64_field_is_passed_over() -> None:
    info = zipfile.ZipInfo("a.py")
    info.extra = struct.pack("<HHQQ", 1, 16, 5, 5)
    check(archive((info, b"x = 1")))


def test_bytes_before_the_zip_are_refused() -> None:
    with pytest.raises(BadWheel, match="around its directory"):
        check(b"#!/bin/sh\n" + wheel("six"))


def test_a_zip_that_is_no_wheel_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.py", "x")
    with pytest.raises(BadWheel, match="is not a wheel"):
        check(out.getvalue())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_wheel_with_any_bytes_changed_is_refused_or_read_like_zipfile_reads_it(data: st.DataObject) -> None:
    content = bytearray(wheel("six", files={"six.py": "x = 1\n" * 30, "pkg/data.txt": "hello"}))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            wheelfile.check(file.fileno(), "x.whl")
        except BadWheel:
            return
        read = {
            member.name: wheelfile.read(file.fileno(), member, "x.whl")
            for member in wheelfile.members(file.fileno(), "x.whl")
        }
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as other:
        assert read == {name: other.read(name) for name in other.namelist()}
