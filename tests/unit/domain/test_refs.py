"""Refs and object ids."""

from __future__ import annotations

import pytest

from laambda.domain.refs import ZERO, RefUpdate, is_object_id


@pytest.mark.parametrize(
    ("name", "short", "deploys"),
    [
        ("refs/heads/main", "main", True),
        ("refs/heads/master", "master", True),
        ("refs/heads/topic/a", "topic/a", False),
        ("refs/tags/main", "main", False),
        ("refs/notes/x", "refs/notes/x", False),
    ],
)
def test_what_people_call_a_ref_and_what_it_does(name: str, short: str, *, deploys: bool) -> None:
    update = RefUpdate(name, ZERO, "a" * 40)
    assert (update.short, update.deploys, update.deletes) == (short, deploys, False)


def test_a_move_to_zero_deletes() -> None:
    assert RefUpdate("refs/heads/main", "a" * 40, ZERO).deletes


def test_object_ids() -> None:
    assert is_object_id("0123456789abcdef" * 2 + "01234567")
    assert not any(map(is_object_id, ["", "a" * 39, "A" * 40, "g" * 40, "a" * 40 + "\n", "a" * 64]))
