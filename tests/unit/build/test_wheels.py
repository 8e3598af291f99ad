from __future__ import annotations

import threading
from pathlib import Path

import pytest

from laambda.build.indexes import Indexes
from laambda.build.lock import LockedWheel
from laambda.build.wheelfile import BadWheel
from laambda.build.wheels import Fetched, WheelGone, fetch, wheel_path
from laambda.errors import BuildFailed, Unavailable
from tests.unit.build.wheelhouse import Index, locked, wheel


def get(wheels: list[LockedWheel], index: Index, cache: Path) -> Fetched:
    return fetch(wheels, index.indexes, cache, pause=lambda _: None)


def leftovers(cache: Path) -> list[Path]:
    return list((cache / "wheels").glob(".*"))


def test_wheels_are_kept_by_hash_and_fetched_once(index: Index, tmp_path: Path) -> None:
    wheels = [index.add("six"), index.add("attrs")]
    assert get(wheels, index, tmp_path) == Fetched(2, sum(each.size for each in wheels))
    assert get(wheels, index, tmp_path) == Fetched(0, 0)
    assert wheel_path(tmp_path, wheels[0].sha256).read_bytes() == index.files["six-1.0-py3-none-any.whl"]


def test_a_cut_off_answer_is_resumed_where_it_stopped(index: Index, tmp_path: Path) -> None:
    six = index.add("six", files={"six.py": bytes(range(256)) * 4000})
    index.cut[six.filename] = 2
    assert get([six], index, tmp_path).count == 1
    assert [asked.partition("-")[0] for _, asked in index.requests] == [
        "",
        f"bytes={six.size // 2}",
        f"bytes={six.size // 2 + six.size // 2 // 2}",
    ]


def test_a_server_without_ranges_is_asked_again_from_the_start(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    index.cut[six.filename], index.ranges = 1, False
    assert get([six], index, tmp_path).size == six.size


def test_an_index_that_never_ends_its_answer_is_ours_to_mend(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    index.cut[six.filename] = 99
    with pytest.raises(Unavailable, match=r"cut off six-1\.0"):
        get([six], index, tmp_path)
    assert not leftovers(tmp_path)


def test_other_bytes_than_the_hash_promises_are_never_kept(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    index.lies[six.filename] = wheel("six", "1.0", {"six.py": "import evil\n"})[: six.size]
    with pytest.raises(Unavailable, match="gave other bytes"):
        get([six], index, tmp_path)
    assert not leftovers(tmp_path)
    assert not wheel_path(tmp_path, six.sha256).exists()


def test_more_bytes_than_promised_are_cut_short(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    index.lies[six.filename] = index.files[six.filename] * 1000
    with pytest.raises(BuildFailed, match="larger than its index says"):
        get([six], index, tmp_path)


def test_a_file_that_is_no_wheel_is_refused_on_entry(index: Index, tmp_path: Path) -> None:
    with pytest.raises(BadWheel, match="is not a zip file"):
        get([index.publish("six-1.0-py3-none-any.whl", b"not a zip" * 100)], index, tmp_path)


def test_a_wheel_that_is_gone_is_told_apart(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    index.files.clear()
    with pytest.raises(WheelGone, match="not on the package index any more"):
        get([six], index, tmp_path)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "http://169.254.169.254/x.whl", "ftp://host.example/x.whl"])
def test_only_https_and_what_the_operator_named_is_fetched(url: str, index: Index, tmp_path: Path) -> None:
    with pytest.raises(BuildFailed, match="not an https:// address"):
        get([locked(b"x", "six", url)], index, tmp_path)


def test_a_local_file_outside_of_the_operators_folder_is_refused(tmp_path: Path) -> None:
    indexes = Indexes({"UV_FIND_LINKS": str(tmp_path / "links")})
    with pytest.raises(BuildFailed):
        fetch([locked(b"x", "six", f"file://{tmp_path}/links/../secret.whl")], indexes, tmp_path)


def test_a_file_cut_short_by_a_crash_is_fetched_again(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    get([six], index, tmp_path)
    wheel_path(tmp_path, six.sha256).write_bytes(b"")
    assert get([six], index, tmp_path).count == 1


def test_a_wheel_of_the_operators_folder_is_taken_from_there(tmp_path: Path) -> None:
    path = tmp_path / "links" / "six-1.0-py3-none-any.whl"
    path.parent.mkdir()
    path.write_bytes(wheel("six"))
    indexes = Indexes({"UV_FIND_LINKS": str(path.parent)})
    six = locked(path.read_bytes(), "six", path.as_uri())
    assert fetch([six], indexes, tmp_path) == Fetched(1, six.size)


def test_the_password_of_an_index_goes_only_to_that_index() -> None:
    indexes = Indexes({"UV_DEFAULT_INDEX": "https://ci:s%40crt@pypi.example/simple"})
    assert indexes.credentials("https://pypi.example/files/a.whl") == ("ci", "s@crt")
    assert indexes.credentials("https://other.example/files/a.whl") is None


def test_many_processes_may_fetch_the_same_wheel_at_once(index: Index, tmp_path: Path) -> None:
    six = index.add("six")
    threads = [threading.Thread(target=get, args=([six], index, tmp_path)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wheel_path(tmp_path, six.sha256).stat().st_size == six.size
    assert not leftovers(tmp_path)
