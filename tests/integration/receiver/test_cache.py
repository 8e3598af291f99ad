"""The repository on disk is a cache; rows and stored packs are the truth."""

from __future__ import annotations

import shutil

from laambda.domain.build import Build
from laambda.domain.refs import Pack
from receiver.limits import Limits
from tests.integration.receiver.conftest import MAIN, SCOPE, Customer, House
from tests.processes import wait_for


def test_deleting_the_repository_loses_nothing(house: House, customer: Customer) -> None:
    customer.push()
    shutil.rmtree(house.settings.repositories / "api")
    second = customer.commit("app.py", "print('more')\n")
    code, said = customer.push()

    assert code == 0, said
    assert house.refs() == {MAIN: second}
    shutil.rmtree(house.settings.repositories)
    customer.git("clone", "-q", customer.url(), "copy", cwd=customer.home)
    assert customer.git("rev-list", "--count", "HEAD", cwd=customer.home / "copy") == "2"


def test_another_receiver_shows_the_same_refs(house: House, customer: Customer) -> None:
    customer.push()
    house.settings = type(house.settings)(home=house.settings.home / "b", run_dir=house.settings.run_dir, ssh_port=0)
    _, port = house.receiver()
    there = customer.url().replace(str(customer.port), str(port))

    assert customer.git("ls-remote", there, "main").split()[0] == customer.git("rev-parse", "HEAD")


def test_a_ref_that_git_lost_is_shown_again(house: House, customer: Customer) -> None:
    customer.push()
    (packed,) = house.settings.repositories.glob("api/*/packed-refs")
    packed.write_text("")

    assert customer.git("ls-remote", "laambda", "main").startswith(customer.git("rev-parse", "HEAD"))


def test_the_packs_of_a_failed_push_are_not_needed_to_push_on(house: House, customer: Customer) -> None:
    customer.push()
    before = house.refs()
    house.objects.away = True
    customer.commit("app.py", "print('more')\n")
    code, said = customer.push()

    assert code == 1
    assert "laambda could not take the push: the object store did not answer" in said
    assert house.refs() == before
    house.objects.away = False
    assert customer.push()[0] == 0


def test_mending_during_a_push_does_not_turn_a_release_into_a_rejection(house: House, customer: Customer) -> None:
    seen: list[str] = []
    house.farm.released = lambda build: seen.append(customer.git("ls-remote", "laambda", "main"))
    code, said = customer.push()

    assert code == 0, said
    assert seen == [f"{customer.git('rev-parse', 'HEAD')}\t{MAIN}"]
    assert "[new branch]      main -> main" in said


def test_a_cache_that_can_not_be_written_does_not_turn_a_release_into_a_rejection(
    house: House, customer: Customer
) -> None:
    def break_cache(build: Build) -> None:
        (head,) = house.settings.repositories.glob("api/*.git/HEAD")
        (head.parent / ".packed-refs.new").mkdir()

    house.farm.released = break_cache
    code, said = customer.push()

    assert code == 0, said
    assert house.refs() == {MAIN: customer.git("rev-parse", "HEAD")}


def test_many_packs_become_one_that_holds_all_of_them(house: House, customer: Customer) -> None:
    _, port = house.receiver(Limits(packs=3))
    there = customer.url().replace(str(customer.port), str(port))
    for number in range(4):
        customer.commit("app.py", f"print({number})\n")
        customer.git("push", there, "main")
        customer.git("push", there, f"main:refs/heads/b{number}")
    wait_for(lambda: len(packs(house)) == 1, "one pack")

    wait_for(lambda: house.objects.keys("packs/") == [packs(house)[0].key], "the others to go")
    customer.git("clone", "-q", there, "old", cwd=customer.home)
    shutil.rmtree(house.settings.repositories)
    customer.git("clone", "-q", customer.url(), "copy", cwd=customer.home)
    assert customer.git("rev-list", "--count", "HEAD", cwd=customer.home / "copy") == "5"
    assert customer.git("fsck", cwd=customer.home / "copy") == ""


def packs(house: House) -> list[Pack]:
    with house.services.database.read() as tx:
        return list(tx.refs.packs(SCOPE))
