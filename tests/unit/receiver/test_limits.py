from __future__ import annotations

from receiver.limits import Admission, Limits


def test_connections_are_counted_in_all_and_by_address() -> None:
    admission = Admission(Limits(connections=3, per_address=2, unauthenticated=9))

    assert admission.admit("a") is not None
    assert admission.admit("a") is not None
    assert admission.admit("a") is None
    assert admission.admit("b") is not None
    assert admission.admit("c") is None


def test_a_closed_connection_makes_room_once() -> None:
    admission = Admission(Limits(connections=1))
    first = admission.admit("a")
    assert first is not None
    first.close()
    first.close()

    assert admission.admit("a") is not None
    assert admission.admit("a") is None


def test_strangers_are_counted_apart() -> None:
    admission = Admission(Limits(unauthenticated=1))
    first = admission.admit("a")
    assert first is not None
    assert admission.admit("b") is None
    first.authenticated()
    first.authenticated()

    assert admission.admit("b") is not None
    assert admission.admit("c") is None


def test_a_known_one_that_leaves_is_not_counted_as_a_stranger() -> None:
    admission = Admission(Limits(unauthenticated=1))
    first = admission.admit("a")
    assert first is not None
    first.authenticated()
    first.close()
    first.authenticated()

    assert admission.admit("b") is not None
    assert admission.admit("c") is None


def test_one_address_does_not_take_all_logins() -> None:
    admission = Admission(Limits(strangers=1))
    first = admission.admit("a")
    assert first is not None
    assert admission.admit("a") is None
    assert admission.admit("b") is not None
    first.authenticated()

    assert admission.admit("a") is not None
    assert admission.admit("a") is None


def test_a_stranger_who_leaves_makes_room_for_another() -> None:
    admission = Admission(Limits(strangers=1))
    first = admission.admit("a")
    assert first is not None
    first.close()

    assert admission.admit("a") is not None
    assert admission.admit("a") is None


def test_the_usual_bounds_leave_logins_for_others() -> None:
    limits = Limits()

    assert limits.strangers < limits.unauthenticated < limits.connections
