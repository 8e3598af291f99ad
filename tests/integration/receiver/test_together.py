"""Pushes that meet, and clients that go away."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from laambda.domain.refs import ZERO, RefUpdate
from tests.integration.receiver.conftest import MAIN, SCOPE, Customer, Gate, House


def test_a_lost_client_does_not_stop_its_build(house: House, customer: Customer, gate: Gate) -> None:
    with customer.start("git", "push", "laambda", "main") as push:
        assert gate.reached.wait(20)
        os.killpg(push.pid, signal.SIGKILL)
    gate.opened.set()
    house.farm.ended.get(timeout=10)

    head = customer.git("rev-parse", "HEAD")
    assert house.refs() == {MAIN: head}
    assert customer.git("ls-remote", "laambda", "main").startswith(head)


def test_pushing_again_after_a_lost_client_joins_the_build(house: House, customer: Customer, gate: Gate) -> None:
    with customer.start("git", "push", "laambda", "main") as push:
        assert gate.reached.wait(20)
        os.killpg(push.pid, signal.SIGKILL)
    with customer.start("git", "push", "laambda", "main") as again:
        assert again.stdout is not None
        joined = next(line for line in again.stdout if "Build 1" in line)
        gate.opened.set()
        rest = again.stdout.read()

    assert "-----> Build 1 has this commit already" in joined
    assert "-----> Released v1" in rest
    assert again.returncode == 0
    assert house.farm.built == [1]


def test_a_tag_that_is_taken_while_a_push_waits_is_all_that_is_refused(
    house: House, customer: Customer, gate: Gate
) -> None:
    with customer.start("git", "push", "laambda", "main") as push:
        assert gate.reached.wait(20)
        os.killpg(push.pid, signal.SIGKILL)
    customer.git("tag", "v1")
    with customer.start("git", "push", "laambda", "main", "v1") as again:
        assert again.stdout is not None
        assert any("Build 1 has this commit already" in line for line in again.stdout)
        with house.services.database.write() as tx:
            tx.refs.move(SCOPE, [RefUpdate("refs/tags/v1", ZERO, "2" * 40)])
        gate.opened.set()
        said = again.stdout.read()

    assert again.returncode == 1
    assert "v1 exists already at 2222222, fetch first" in said
    assert "* [new branch]      main -> main" in said
    assert "! [remote rejected] v1 -> v1 (the ref did not move)" in said
    assert house.refs()[MAIN] == customer.git("rev-parse", "HEAD")


def test_of_two_pushes_at_once_one_moves_the_ref(
    house: House, customer: Customer, gate: Gate, new_customer: Callable[..., Customer]
) -> None:
    bob = new_customer("bob", port=customer.port)
    bob.commit("app.py", "print('mine')\n")
    with customer.start("git", "push", "laambda", "main") as first:
        assert gate.reached.wait(20)
        with bob.start("git", "push", "laambda", "main") as second:
            assert second.stdout is not None
            assert any("Waiting for build 1" in line for line in second.stdout)
            gate.opened.set()
            said = second.stdout.read()
        assert first.communicate(timeout=20)[0]

    head = customer.git("rev-parse", "HEAD")
    assert (first.returncode, second.returncode) == (0, 1)
    assert f"main exists already at {head[:7]}, fetch first" in said
    assert "! [remote rejected] main -> main (pre-receive hook declined)" in said
    assert house.refs() == {MAIN: head}


def test_a_push_based_on_an_old_ref_is_refused_unbuilt(
    house: House, customer: Customer, new_customer: Callable[..., Customer]
) -> None:
    customer.push()
    bob = new_customer("bob", port=customer.port)
    bob.commit("app.py", "print('mine')\n")
    code, said = bob.push()

    assert code == 1
    assert "[rejected]        main -> main (fetch first)" in said
    assert len(house.builds()) == 1


def test_a_push_that_stands_in_the_queue_too_long_is_cancelled(house: House, customer: Customer) -> None:
    house.farm.limits = type(house.farm.limits)(slots=0)
    house.settings = type(house.settings)(
        home=house.settings.home / "b", run_dir=house.settings.run_dir, ssh_port=0, push_wait=0.3
    )
    _, port = house.receiver()
    there = customer.url().replace(str(customer.port), str(port))
    code, said = customer.run("git", "push", there, "main")

    assert code == 1
    assert "still queued as build 1" in said
    assert house.builds()[0].state == "cancelled"
