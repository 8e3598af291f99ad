"""Retrying: the stored source of an earlier build, and the ref where its push wanted it."""

from __future__ import annotations

import pytest

from laambda.dispatch.cancel import cancel
from laambda.dispatch.requests import roll_back
from laambda.dispatch.retry import newest_to_retry, retry
from laambda.domain.build import Build, BuildKind, BuildState, Step
from laambda.domain.refs import ZERO, RefUpdate
from laambda.errors import BuildFailed, Conflict, NotFound
from laambda.release.begin import refs_to_move
from tests.unit.dispatch.conftest import API, House, nothing
from tests.unit.dispatch.test_link import Raises

ONE, TWO = "1" * 40, "2" * 40
MAIN = (RefUpdate("refs/heads/main", ZERO, ONE),)


def failed(house: House, **given: object) -> Build:
    """A push whose build failed."""
    house.services.objects.put("sources/0.tar", b"tar")
    build = house.push(**{"detached": False, "refs": MAIN, "commit": ONE, "tree": "3" * 40, **given})
    house.run(build, Step.EXTRACT, Raises(BuildFailed("no Procfile")))
    assert house.row(build.id).state is BuildState.FAILED
    return build


def move_main(house: House, old: str, new: str) -> None:
    with house.services.database.write() as tx:
        tx.refs.move(API, (RefUpdate("refs/heads/main", old, new),))


def moves(house: House, build: Build) -> list[str]:
    with house.services.database.read() as tx:
        return [update.new for update in refs_to_move(tx, build)]


def test_a_retry_builds_the_same_source_as_a_new_row(house: House) -> None:
    before = failed(house)
    house.queue.take()
    again = retry(house.services, before.id, "ada", house.limits)
    assert (again.kind, again.actor, again.description) == (BuildKind.RETRY, "ada", "Deploy abc1234")
    assert (again.source, again.commit, again.tree, again.refs) == ("sources/0.tar", ONE, "3" * 40, MAIN)
    assert (again.detached, again.no_cache) == (False, False)
    assert [sent.build_id for sent in house.queue.take()] == [again.id]
    assert house.run(again, Step.EXTRACT, nothing) is not None


def test_a_retry_moves_the_ref_that_its_push_did_not_move(house: House) -> None:
    assert moves(house, retry(house.services, failed(house).id, "ada", house.limits)) == [ONE]


def test_a_retry_of_a_detached_push_finds_its_ref_moved(house: House) -> None:
    before = failed(house, detached=True)
    move_main(house, ZERO, ONE)
    assert moves(house, retry(house.services, before.id, "ada", house.limits)) == []


def test_a_retry_may_build_from_nothing(house: House) -> None:
    assert retry(house.services, failed(house).id, "ada", house.limits, no_cache=True).no_cache


def test_a_retry_is_retried_like_its_push(house: House) -> None:
    again = retry(house.services, failed(house).id, "ada", house.limits)
    cancel(house.services, again.id, "ada", house.limits)
    assert retry(house.services, again.id, "ada", house.limits).refs == MAIN


def test_the_source_may_be_gone(house: House) -> None:
    before = failed(house)
    house.services.objects.delete("sources/0.tar")
    with pytest.raises(NotFound, match=f"source of build {before.id} is gone") as gone:
        retry(house.services, before.id, "ada", house.limits)
    assert "Push its commit 1111111 again" in gone.value.hint


def test_a_ref_that_moved_on_is_left_alone(house: House) -> None:
    before = failed(house)
    move_main(house, ZERO, TWO)
    with pytest.raises(Conflict, match=f"main has moved on from 1111111, the commit of build {before.id}, to 2222222"):
        retry(house.services, before.id, "ada", house.limits)


def test_a_ref_that_moves_while_a_retry_waits_ends_it_unbuilt(house: House) -> None:
    again = retry(house.services, failed(house).id, "ada", house.limits)
    move_main(house, ZERO, TWO)
    assert house.run(again, Step.EXTRACT, nothing) is None
    assert house.row(again.id).state is BuildState.FAILED
    assert house.row(again.id).error == "main exists already at 2222222, fetch first"


def test_an_unfinished_build_is_not_retried(house: House) -> None:
    build = house.push()
    with pytest.raises(Conflict, match="has not ended yet"):
        retry(house.services, build.id, "ada", house.limits)


def test_what_has_no_build_is_not_retried(house: House) -> None:
    house.release()
    house.release()
    build = roll_back(house.services, API, 1, "jim", house.limits)
    with pytest.raises(Conflict, match="is a rollback"):
        retry(house.services, build.id, "ada", house.limits)


def test_the_newest_that_did_not_succeed_is_found(house: House) -> None:
    with pytest.raises(NotFound, match="no build of api has failed"):
        newest_to_retry(house.services, API)
    before = failed(house)
    house.release()
    assert newest_to_retry(house.services, API) == before.id
    with pytest.raises(NotFound):
        newest_to_retry(house.services, type(API)("nobody"))
