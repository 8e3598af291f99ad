"""The notes that tell a worker's main process what a killed child held."""

from __future__ import annotations

from pathlib import Path

from workers import held


def test_what_a_killed_child_held_is_told_once(tmp_path: Path) -> None:
    held.note(tmp_path, "a", 7)
    held.note(tmp_path, "b", 8)
    assert [held.taken(tmp_path, "a") for _ in range(2)] == [7, None]
    assert held.taken(tmp_path, "b") == 8


def test_a_task_that_ended_holds_nothing(tmp_path: Path) -> None:
    held.note(tmp_path, "a", 7)
    held.forget(tmp_path, "a")
    held.forget(tmp_path, "a")
    assert held.taken(tmp_path, "a") is None


def test_a_note_cut_short_by_a_kill_holds_nothing(tmp_path: Path) -> None:
    held.note(tmp_path, "a", 7)
    (tmp_path / held.FOLDER / "a").write_text("")
    assert held.taken(tmp_path, "a") is None
