from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from laambda.errors import Conflict
from laambda.localcloud.journal import MARK, Journal, JournalDamagedError, JournalForeignError


def written(folder: Path, entries: Iterable[dict[str, int]]) -> None:
    journal = Journal(folder)
    list(journal.entries())
    for entry in entries:
        journal.append(entry)
    journal.close()


def read(folder: Path) -> list[object]:
    journal = Journal(folder)
    try:
        return list(journal.entries())
    finally:
        journal.close()


def test_records_come_back_in_order_over_several_starts(tmp_path: Path) -> None:
    written(tmp_path, [{"n": 1}, {"n": 2}])
    written(tmp_path, [{"n": 3}])
    assert read(tmp_path) == [{"n": 1}, {"n": 2}, {"n": 3}]


@pytest.mark.parametrize("kept", range(1, 45))
def test_a_record_cut_at_any_byte_is_dropped_and_writing_goes_on(tmp_path: Path, kept: int) -> None:
    written(tmp_path, [{"n": 1}])
    whole = (tmp_path / "journal").stat().st_size
    written(tmp_path, [{"n": 2}])
    data = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(data[: min(whole + kept, len(data) - 1)])
    assert read(tmp_path) == [{"n": 1}]
    written(tmp_path, [{"n": 3}])
    assert read(tmp_path) == [{"n": 1}, {"n": 3}]


def test_a_tail_of_zeros_is_dropped(tmp_path: Path) -> None:
    written(tmp_path, [{"n": 1}])
    with (tmp_path / "journal").open("ab") as file:
        file.write(bytes(4096))
    assert read(tmp_path) == [{"n": 1}]


@pytest.mark.parametrize("place", [0, 3, 5, 10, 30])
def test_a_changed_record_is_refused(tmp_path: Path, place: int) -> None:
    written(tmp_path, [{"n": 1}, {"n": 2}])
    data = bytearray((tmp_path / "journal").read_bytes())
    data[len(MARK) + place] ^= 1
    (tmp_path / "journal").write_bytes(data)
    with pytest.raises(JournalDamagedError, match="record 0"):
        read(tmp_path)


def test_a_record_in_another_place_is_refused(tmp_path: Path) -> None:
    written(tmp_path, [{"n": 1}, {"n": 2}])
    data = (tmp_path / "journal").read_bytes().removeprefix(MARK)
    half = len(data) // 2
    (tmp_path / "journal").write_bytes(MARK + data[half:] + data[:half])
    with pytest.raises(JournalDamagedError):
        read(tmp_path)


@pytest.mark.parametrize("left", range(len(MARK)))
def test_a_first_write_that_was_cut_is_no_journal_yet(tmp_path: Path, left: int) -> None:
    (tmp_path / "journal").write_bytes(MARK[:left])
    assert read(tmp_path) == []
    written(tmp_path, [{"n": 1}])
    assert read(tmp_path) == [{"n": 1}]


@pytest.mark.parametrize("mark", [b"", MARK.replace(b"1", b"2"), MARK.replace(b"1", b"10")])
def test_the_journal_of_another_version_is_called_that(tmp_path: Path, mark: bytes) -> None:
    """The first journals had no mark."""
    written(tmp_path, [{"n": 1}])
    data = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(data.replace(MARK, mark))
    with pytest.raises(JournalForeignError, match="was made by another version of laambda"):
        read(tmp_path)
    assert (tmp_path / "journal").read_bytes() == data.replace(MARK, mark)


def test_a_damaged_mark_is_not_another_version(tmp_path: Path) -> None:
    written(tmp_path, [{"n": 1}])
    data = (tmp_path / "journal").read_bytes()
    (tmp_path / "journal").write_bytes(b"x" + data[1:])
    with pytest.raises(JournalDamagedError):
        read(tmp_path)


def test_another_key_does_not_read_it(tmp_path: Path) -> None:
    written(tmp_path, [{"n": 1}])
    (tmp_path / "key").unlink()
    with pytest.raises(JournalDamagedError, match="restore the file key"):
        read(tmp_path)


def test_a_rewrite_replaces_all_and_is_appended_to(tmp_path: Path) -> None:
    written(tmp_path, [{"n": n} for n in range(9)])
    journal = Journal(tmp_path)
    list(journal.entries())
    journal.rewrite([{"n": 8}])
    journal.append({"n": 9})
    journal.close()
    assert read(tmp_path) == [{"n": 8}, {"n": 9}]


def test_two_processes_cannot_share_a_folder(tmp_path: Path) -> None:
    first = Journal(tmp_path)
    with pytest.raises(Conflict, match="another local cloud runs"):
        Journal(tmp_path)
    first.close()
    Journal(tmp_path).close()
