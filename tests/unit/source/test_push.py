from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.limits import FarmLimits
from laambda.domain.build import Build, BuildKind, NewBuild
from laambda.domain.refs import ZERO, RefUpdate
from laambda.errors import BuildFailed, Conflict, InvalidInput, Unavailable
from laambda.ports import Database, Transaction
from laambda.source.push import Push, decide
from tests.fakes.objects import FakeObjects
from tests.unit.source.conftest import SCOPE, Counter

ONE, TWO = "1" * 40, "2" * 40
MAIN = RefUpdate("refs/heads/main", ZERO, ONE)
TAG = RefUpdate("refs/tags/v1", ZERO, ONE)


def packs(counter: Counter) -> list[str]:
    """The keys of all stored packs."""
    objects = counter.desk.services.objects
    assert isinstance(objects, FakeObjects)
    return objects.keys("packs/")


def fail(build: Build, tell: object) -> None:
    raise BuildFailed("no Procfile")


def test_source_and_pack_are_stored_before_the_row_needs_them(counter: Counter) -> None:
    decision = counter.push(MAIN)

    assert decision.accepted
    assert decision.pack is not None
    with counter.database.read() as tx:
        (build,) = tx.builds.recent(SCOPE, 9)
        assert list(tx.refs.packs(SCOPE)) == [decision.pack]
    assert counter.desk.services.objects.exists(build.source)
    assert counter.desk.services.objects.exists(decision.pack.key)
    assert (build.source, build.description) == (f"sources/{ONE}.tar", "Deploy 1111111: Mend it")


def test_a_tree_is_stored_once(counter: Counter) -> None:
    counter.farm.work = fail
    counter.push(MAIN)
    counter.push(MAIN)

    assert counter.pushed.sources == 1
    assert len(counter.farm.built) == 2


def test_a_push_may_bring_no_objects(counter: Counter) -> None:
    counter.pushed.packs = False

    decision = counter.push(MAIN)
    assert (decision.accepted, decision.pack) == (True, None)


def test_a_failed_build_moves_nothing_and_says_why_once(counter: Counter) -> None:
    counter.farm.work = fail

    assert not counter.push(MAIN, TAG).accepted
    assert counter.refs() == {}
    assert counter.told[1:] == [" !     no Procfile", " !     Push rejected: build 1 failed"]


def test_a_ref_that_moved_is_named(counter: Counter) -> None:
    counter.push(MAIN)
    with pytest.raises(Conflict, match="main moved to 1111111, fetch first"):
        counter.push(RefUpdate(MAIN.name, ZERO, TWO))


def test_a_push_that_is_live_already_reports_its_result(counter: Counter) -> None:
    counter.push(MAIN)

    assert counter.push(MAIN).accepted
    assert "-----> Build 1 has this commit already" in counter.told
    assert counter.farm.built == [1]


def test_a_tag_that_comes_with_a_live_commit_moves_too(counter: Counter) -> None:
    counter.push(MAIN)

    assert counter.push(MAIN, TAG).accepted
    assert counter.refs() == {MAIN.name: ONE, TAG.name: ONE}


def test_a_detached_push_moves_its_refs_at_once_and_keeps_them(counter: Counter) -> None:
    counter.farm.work = fail

    assert counter.push(MAIN, options=("detach",)).accepted
    counter.farm.ended.get(timeout=10)
    assert counter.refs() == {MAIN.name: ONE}
    assert counter.told[-1] == "       Follow it with: laambda builds:output 1 -a api"


def test_a_failed_detached_build_is_reported_to_who_pushes_again(counter: Counter) -> None:
    counter.farm.work = fail
    counter.push(MAIN, options=("detach",))
    counter.farm.ended.get(timeout=10)

    assert counter.push(MAIN).accepted
    assert counter.told[-1] == " !     no Procfile"


def test_branches_move_together_or_not_at_all(counter: Counter) -> None:
    counter.push(RefUpdate("refs/heads/a", ZERO, ONE))
    with pytest.raises(Conflict, match="a exists already"):
        counter.push(RefUpdate("refs/heads/b", ZERO, ONE), RefUpdate("refs/heads/a", ZERO, TWO))

    assert counter.refs() == {"refs/heads/a": ONE}


def test_a_refused_push_leaves_no_pack_behind(counter: Counter) -> None:
    counter.push(RefUpdate("refs/heads/a", ZERO, ONE))
    kept = packs(counter)
    with pytest.raises(Conflict):
        counter.push(RefUpdate("refs/heads/a", ZERO, TWO))

    assert len(kept) == 1
    assert packs(counter) == kept


def test_a_joined_push_stores_no_second_pack(counter: Counter) -> None:
    counter.push(MAIN)
    kept = packs(counter)
    counter.push(MAIN)

    assert len(kept) == 1
    assert packs(counter) == kept


def test_a_tag_that_somebody_else_made_meanwhile_keeps_the_whole_push_back(counter: Counter) -> None:
    def work(build: Build, tell: object) -> None:
        with counter.database.write() as tx:
            tx.refs.move(SCOPE, [RefUpdate(TAG.name, ZERO, TWO)])

    counter.farm.work = work

    assert not counter.push(MAIN, TAG).accepted
    assert counter.refs() == {TAG.name: TWO}
    assert " !     v1 exists already at 2222222, fetch first" in counter.told


def queue_up(counter: Counter, *updates: RefUpdate, kind: BuildKind = BuildKind.PUSH, detached: bool = False) -> Build:
    """A build that stands in the queue of a farm that has no slot."""
    counter.farm.limits = FarmLimits(slots=0)
    counter.desk = replace(counter.desk, limits=counter.farm.limits, wait=0.1)
    with counter.database.write() as tx:
        if detached:
            tx.refs.move(SCOPE, updates)
        return tx.builds.add(NewBuild(SCOPE, kind, "jim", "Deploy", detached=detached, refs=updates))


def state_of(counter: Counter, build_id: int = 1) -> str:
    with counter.database.read() as tx:
        return tx.builds.get(build_id).state


def test_a_push_whose_patience_ends_cancels_its_own_build(counter: Counter) -> None:
    queue_up(counter, RefUpdate("refs/heads/other", ZERO, TWO))

    assert not counter.push(MAIN).accepted
    assert state_of(counter, 2) == "cancelled"
    assert " !     still queued as build 2 after 0 minutes" in counter.told


@pytest.mark.parametrize("kind", [BuildKind.PUSH, BuildKind.RETRY])
def test_who_joined_a_build_leaves_it_in_the_queue(counter: Counter, kind: BuildKind) -> None:
    queue_up(counter, MAIN, kind=kind)

    assert not counter.push(MAIN).accepted
    assert state_of(counter) == "queued"
    assert counter.told[1:] == [
        " !     still queued as build 1 after 0 minutes, and stays there",
        "       Follow it with: laambda builds:output 1 -a api",
        " !     Push rejected: build 1 queued",
    ]


def test_who_joined_an_accepted_detached_push_has_what_they_wanted(counter: Counter) -> None:
    queue_up(counter, MAIN, detached=True)

    assert counter.push(MAIN).accepted
    assert state_of(counter) == "queued"


def test_who_joined_hears_a_build_that_begins(counter: Counter) -> None:
    queue_up(counter, MAIN)
    counter.desk = replace(counter.desk, wait=60)

    def begin(line: str) -> None:
        counter.told.append(line)
        if line.endswith("has this commit already"):
            dispatch(counter.desk.services, FarmLimits(slots=1))

    assert decide(Push(SCOPE, "ada", (MAIN,)), counter.pushed, counter.desk, begin).accepted
    assert counter.told[-1] == "-----> Released v1"


def test_a_tag_that_is_taken_is_refused_before_the_wait(counter: Counter) -> None:
    queue_up(counter, MAIN)
    with counter.database.write() as tx:
        tx.refs.move(SCOPE, [RefUpdate(TAG.name, ZERO, TWO)])
    with pytest.raises(Conflict, match="v1 exists already at 2222222"):
        counter.push(MAIN, TAG)

    assert (packs(counter), counter.told) == ([], [])


def test_a_tag_that_the_joined_build_moves_elsewhere_is_refused_before_the_wait(counter: Counter) -> None:
    queue_up(counter, MAIN, TAG)
    with pytest.raises(Conflict, match="v1 is being pushed by build 1"):
        counter.push(MAIN, RefUpdate(TAG.name, ZERO, TWO))


def test_a_joined_push_that_brings_a_tag_stores_its_objects_before_the_wait(counter: Counter) -> None:
    queue_up(counter, MAIN)
    counter.push(MAIN, TAG)

    with counter.database.read() as tx:
        assert [pack.key for pack in tx.refs.packs(SCOPE)] == packs(counter)
    assert len(packs(counter)) == 1


def test_a_tag_that_is_taken_during_the_wait_stays_and_the_release_is_reported(counter: Counter) -> None:
    queue_up(counter, MAIN)
    counter.desk = replace(counter.desk, wait=60)

    def work(build: Build, tell: object) -> None:
        with counter.database.write() as tx:
            tx.refs.move(SCOPE, [RefUpdate(TAG.name, ZERO, TWO)])

    def begin(line: str) -> None:
        counter.told.append(line)
        if line.endswith("has this commit already"):
            dispatch(counter.desk.services, FarmLimits(slots=1))

    counter.farm.work = work
    decision = decide(Push(SCOPE, "ada", (MAIN, TAG)), counter.pushed, counter.desk, begin)
    assert (decision.accepted, decision.left) == (True, frozenset({TAG.name}))
    assert counter.refs() == {MAIN.name: ONE, TAG.name: TWO}
    assert counter.told[-1] == " !     v1 exists already at 2222222, fetch first"


def test_a_detached_push_that_joins_moves_its_tag_too(counter: Counter) -> None:
    queue_up(counter, MAIN, detached=True)

    assert counter.push(MAIN, TAG, options=("detach",)).accepted
    assert counter.refs() == {MAIN.name: ONE, TAG.name: ONE}


def test_a_branch_holds_commits_only(counter: Counter) -> None:
    with pytest.raises(InvalidInput, match="is not a commit"):
        counter.push(RefUpdate("refs/heads/a", ZERO, "bad" + "0" * 37))


@pytest.mark.parametrize("name", ["refs/heads/main", "refs/tags/v1"])
def test_what_git_would_refuse_afterwards_is_not_released(counter: Counter, name: str) -> None:
    counter.pushed.complete = False
    with pytest.raises(InvalidInput, match="the whole history"):
        counter.push(RefUpdate(name, ZERO, ONE))

    assert (counter.refs(), counter.farm.built) == ({}, [])


def test_an_outage_of_the_database_only_pauses_the_output(new_counter: Callable[..., Counter]) -> None:
    flaky: list[_Flaky] = []

    def around(database: Database) -> Database:
        flaky.append(_Flaky(database))
        return flaky[0]

    counter = new_counter(around)

    def work(build: Build, tell: Callable[[str], None]) -> None:
        flaky[0].reads_to_fail = 1
        tell("-----> Released v1")

    counter.farm.work = work
    assert counter.push(MAIN).accepted
    assert counter.told[-1] == "-----> Released v1"
    assert flaky[0].reads_to_fail == 0


class _Flaky:
    """A database whose next reads fail."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads_to_fail = 0
        self.write = database.write
        self.migrate = database.migrate

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        if self.reads_to_fail:
            self.reads_to_fail -= 1
            raise Unavailable("the database did not answer")
        with self._database.read() as tx:
            yield tx
