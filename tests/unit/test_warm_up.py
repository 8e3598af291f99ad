"""Opening connections before somebody waits for them."""

from __future__ import annotations

import threading

from laambda.bootstrap import warm_up
from laambda.errors import Unavailable


def test_calls_are_made_beside_and_what_fails_stops_none() -> None:
    gate, done = threading.Event(), threading.Event()

    def refused() -> None:
        gate.wait(10)
        raise Unavailable("not up yet")

    warm_up(refused, done.set)
    assert not done.is_set()
    gate.set()
    assert done.wait(10)
