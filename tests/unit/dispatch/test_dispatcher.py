"""Which rows are sent, when, and what happens to those that lose their worker too often."""

from __future__ import annotations

from dataclasses import replace

from laambda.dispatch.dispatcher import dispatch
from laambda.domain.build import Build, BuildState, Step, steps_of
from laambda.domain.refs import ZERO, RefUpdate
from tests.fakes.queue import Sent
from tests.unit.dispatch.conftest import House, nothing


def passes(house: House) -> list[int]:
    return list(dispatch(house.services, house.limits))


def test_a_queued_row_is_sent_at_once_as_a_whole_chain(house: House) -> None:
    build = house.push()
    assert house.queue.take() == [Sent(build.id, steps_of(build.kind), "builds", None)]


def test_what_was_sent_is_not_sent_again_before_its_time(house: House) -> None:
    build = house.push()
    assert passes(house) == []
    house.clock.pass_(house.limits.resend + 1)
    assert passes(house) == [build.id]


def test_a_claimed_row_is_left_alone_while_its_lease_lasts(house: House) -> None:
    build = house.push()
    house.run(build, Step.EXTRACT, nothing)
    house.clock.pass_(house.limits.lease - 1)
    assert passes(house) == []


def test_an_expired_lease_sends_the_rest_of_the_chain(house: House) -> None:
    build = house.push()
    house.run_until(build, Step.ZIP)
    house.queue.take()
    house.clock.pass_(house.limits.lease + 1)
    assert passes(house) == [build.id]
    assert house.queue.take() == [
        Sent(build.id, (Step.ZIP, Step.UPLOAD, Step.DEPLOY, Step.RECORD), "builds", None),
    ]


def test_no_more_is_sent_than_there_are_free_slots(house: House) -> None:
    house.limits = replace(house.limits, slots=2)
    builds = [house.push(house.create(f"app{number}").app) for number in range(4)]
    assert [sent.build_id for sent in house.queue.take()] == [build.id for build in builds[:2]]
    house.run(builds[0], Step.EXTRACT, nothing)
    assert passes(house) == []


def test_a_broker_that_lost_its_data_is_sent_everything_again(house: House) -> None:
    build = house.push()
    house.queue.lose()
    assert passes(house) == [build.id]
    assert passes(house) == []


def test_a_broker_that_is_away_costs_one_interval_and_no_row(house: House) -> None:
    house.queue.survived()
    house.queue.away = True
    build = house.push()
    assert house.row(build.id).state is BuildState.QUEUED
    house.queue.away = False
    assert passes(house) == []
    house.clock.pass_(house.limits.resend + 1)
    assert passes(house) == [build.id]


def test_a_poison_build_stops_after_its_attempts_and_says_where(house: House) -> None:
    build = house.push()
    for _ in range(house.limits.attempts):
        with house.services.database.write() as tx:
            assert tx.leases.claim(build.id, node="a", lease=house.limits.lease, attempts=house.limits.attempts)
        house.clock.pass_(house.limits.lease + 1)
    assert passes(house) == []
    row = house.row(build.id)
    assert (row.state, row.error) == (BuildState.ERRORED, "lost its worker 3 times while it ran the step extract")
    assert house.output.closed(build.id)


def test_apps_take_turns_however_many_rows_one_has(house: House) -> None:
    house.limits = replace(house.limits, slots=1)
    first = house.push("api")
    house.push("api")
    other = house.push(house.create("web").app)
    house.queue.take()
    house.run_until(first, Step.DETECT)
    with house.services.database.write() as tx:
        tx.leases.finish(first.id, house.row(first.id).token, BuildState.CANCELLED)
    assert passes(house) == [other.id]


def push_to(house: House, ref: str, *, detached: bool = True) -> Build:
    return house.push(detached=detached, refs=(RefUpdate(f"refs/heads/{ref}", ZERO, "1" * 40),))


def test_the_newest_detached_push_supersedes_the_queued_ones_before_it(house: House) -> None:
    running = push_to(house, "main")
    house.run(running, Step.EXTRACT, nothing)
    old = [push_to(house, "main"), push_to(house, "main")]
    newest = push_to(house, "main")
    for build in old:
        by = newest.id if build is old[1] else old[1].id
        row = house.row(build.id)
        assert (row.state, row.error) == (BuildState.SUPERSEDED, f"superseded by build {by}")
        assert house.output.said(build.id) == [f" !     Build {build.id} was superseded by build {by}"]
        assert house.output.closed(build.id)
    assert house.row(running.id).state is BuildState.RUNNING
    assert house.row(newest.id).state is BuildState.QUEUED


def test_a_push_that_somebody_waits_for_is_never_superseded(house: House) -> None:
    house.run(push_to(house, "main"), Step.EXTRACT, nothing)
    waiting = push_to(house, "main", detached=False)
    push_to(house, "main")
    assert house.row(waiting.id).state is BuildState.QUEUED
