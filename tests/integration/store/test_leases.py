"""The state machine of a build: who may take a row, what a stale token can't do, how a row ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from laambda.domain.build import BuildKind, BuildState, Phase, Step
from laambda.domain.refs import RefUpdate
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API, SHOP
from tests.integration.store.rows import LONG, OVER, Rows

ABSENT = 1_000_000


@pytest.fixture
def rows(database: SqlDatabase) -> Rows:
    return Rows(database)


class TestClaim:
    def test_a_queued_row_runs_under_a_token_a_node_and_a_lease(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        assert (build.state, build.step, build.phase) == (BuildState.RUNNING, Step.EXTRACT, Phase.BUILDING)
        assert (build.attempt, build.node, build.link_started) == (1, "n1", False)
        assert build.token > 0
        with rows.database.read() as tx:
            assert build.lease_until is not None
            assert timedelta(seconds=0) < build.lease_until - tx.now <= timedelta(seconds=LONG)
        assert build.claimed_at is not None
        assert [ref.short for ref in build.refs] == ["main"]

    def test_a_row_that_is_held_or_ended_or_absent_is_refused(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        assert rows.claim(build) is None
        with rows.database.write() as tx:
            assert tx.leases.finish(build.id, build.token, BuildState.SUCCEEDED)
            assert tx.leases.claim(ABSENT, node="n1", lease=LONG, attempts=3) is None
        assert rows.claim(build) is None

    def test_an_expired_lease_is_taken_over_with_a_higher_token_at_the_same_step(self, rows: Rows) -> None:
        first = rows.claimed(rows.add())
        rows.checkpoint(first, Step.EXTRACT, files=3)
        rows.expire(first)
        second = rows.claimed(first)
        assert second.token > first.token
        assert (second.attempt, second.step, second.results) == (2, Step.DETECT, {"extract": {"files": 3}})
        assert second.claimed_at == rows.get(first).claimed_at == first.claimed_at

    def test_attempts_are_counted_and_used_up(self, rows: Rows) -> None:
        build = rows.add()
        for _ in range(3):
            rows.claimed(build, lease=OVER)
        assert rows.claim(build) is None
        assert rows.claim(build, attempts=4) is not None

    def test_attempts_never_stop_a_published_row(self, rows: Rows) -> None:
        build = rows.claimed(rows.add(BuildKind.ROLLBACK, target_version=1))
        assert rows.enter_deploy(build)
        assert rows.publish(build)
        for _ in range(5):
            rows.expire(build)
            build = rows.claimed(build)
        assert build.attempt == 6

    def test_tokens_grow_over_all_rows(self, rows: Rows) -> None:
        tokens = [rows.claimed(rows.add(scope=scope)).token for scope in (SHOP, API)]
        assert tokens == sorted(set(tokens))

    def test_one_row_builds_per_app(self, rows: Rows) -> None:
        rows.claimed(rows.add(detached=True))
        assert rows.claim(rows.add(BuildKind.RETRY)) is None
        assert rows.claim(rows.add(scope=SHOP)) is not None

    def test_what_builds_nothing_deploys_at_once_and_alone(self, rows: Rows) -> None:
        rows.claimed(rows.add())
        config = rows.claimed(rows.add(BuildKind.CONFIG))
        assert (config.step, config.phase) == (Step.DEPLOY, Phase.DEPLOYING)
        assert rows.claim(rows.add(BuildKind.ROLLBACK)) is None

    def test_a_refused_claim_changes_nothing_and_leaves_the_transaction_usable(self, rows: Rows) -> None:
        rows.claimed(rows.add(detached=True))
        waiting = rows.add(detached=True)
        with rows.database.write() as tx:
            assert tx.leases.claim(waiting.id, node="n2", lease=LONG, attempts=3) is None
            assert tx.builds.get(waiting.id) == waiting

    def test_an_attached_push_waits_for_an_earlier_one_of_the_same_ref(self, rows: Rows) -> None:
        first, second = rows.add(), rows.add()
        assert rows.claim(second) is None
        with rows.database.write() as tx:
            assert tx.leases.end_queued(first.id, BuildState.CANCELLED, error="")
        assert rows.claim(second) is not None

    @pytest.mark.parametrize(
        ("earlier", "mine"),
        [({"detached": True}, {}), ({}, {"detached": True}), ({"scope": SHOP}, {})],
        ids=["the earlier one is detached", "this one is detached", "another app's"],
    )
    def test_other_pushes_of_the_ref_are_not_waited_for(self, rows: Rows, earlier: dict, mine: dict) -> None:
        rows.add(**earlier)
        assert rows.claim(rows.add(**mine)) is not None

    def test_another_ref_is_not_waited_for(self, rows: Rows) -> None:
        rows.add()
        master = RefUpdate("refs/heads/master", "b" * 40, "c" * 40)
        assert rows.claim(rows.add(refs=(master,))) is not None


class TestHolding:
    def test_a_second_copy_of_a_link_is_refused(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            started = tx.leases.start_link(build.id, build.token, Step.EXTRACT, lease=LONG)
            assert started is not None
            assert started.link_started
            assert started.refs == build.refs
            assert tx.leases.start_link(build.id, build.token, Step.EXTRACT, lease=LONG) is None

    def test_a_link_of_another_step_is_refused_until_it_is_its_turn(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            assert tx.leases.start_link(build.id, build.token, Step.DETECT, lease=LONG) is None
        assert rows.checkpoint(build, Step.EXTRACT)
        with rows.database.write() as tx:
            assert tx.leases.start_link(build.id, build.token, Step.EXTRACT, lease=LONG) is None
            assert tx.leases.start_link(build.id, build.token, Step.DETECT, lease=LONG) is not None

    def test_a_take_over_may_start_the_link_that_was_started(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            tx.leases.start_link(build.id, build.token, Step.EXTRACT, lease=OVER)
        again = rows.claimed(build)
        assert not again.link_started
        with rows.database.write() as tx:
            assert tx.leases.start_link(again.id, again.token, Step.EXTRACT, lease=LONG) is not None

    def test_a_renewed_lease_is_not_taken(self, rows: Rows) -> None:
        build = rows.claimed(rows.add(), lease=OVER)
        with rows.database.write() as tx:
            assert tx.leases.renew(build.id, build.token, lease=LONG)
        assert rows.claim(build) is None

    def test_checkpoints_walk_the_chain_and_keep_results_and_times(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        for step in (Step.EXTRACT, Step.DETECT, Step.BUILD, Step.ZIP, Step.UPLOAD):
            assert rows.checkpoint(build, step, kept=step.value)
        build = rows.get(build)
        assert (build.step, build.phase, build.link_started) == (Step.DEPLOY, Phase.BUILDING, False)
        assert build.results["zip"] == {"kept": "zip"}
        assert build.timings == dict.fromkeys(("extract", "detect", "build", "zip", "upload"), 0.5)

    def test_the_same_checkpoint_twice_is_refused(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        assert rows.checkpoint(build, Step.EXTRACT)
        assert not rows.checkpoint(build, Step.EXTRACT)

    def test_a_rewind_forgets_what_came_after(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        for step in (Step.EXTRACT, Step.DETECT, Step.BUILD):
            rows.checkpoint(build, step, kept=1)
        with rows.database.write() as tx:
            assert tx.leases.rewind(build.id, build.token, Step.DETECT)
        build = rows.get(build)
        assert (build.step, build.results, build.timings) == (
            Step.DETECT,
            {"extract": {"kept": 1}},
            {"extract": 0.5},
        )

    def test_a_row_never_rewinds_forward(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx, pytest.raises(ValueError, match="build comes after extract"):
            tx.leases.rewind(build.id, build.token, Step.BUILD)


class TestHandingBack:
    @pytest.mark.parametrize(("counted", "attempt"), [(True, 2), (False, 1)])
    def test_the_next_claim_comes_at_once(self, rows: Rows, *, counted: bool, attempt: int) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            assert tx.leases.hand_back(build.id, build.token, counted=counted)
        assert rows.claimed(build).attempt == attempt

    def test_who_handed_back_can_do_nothing_more(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            assert tx.leases.hand_back(build.id, build.token, counted=True)
            assert not tx.leases.renew(build.id, build.token, lease=LONG)
            assert not tx.leases.hand_back(build.id, build.token, counted=False)
            assert not tx.leases.renew(build.id, 0, lease=LONG)

    def test_a_node_hands_back_what_it_holds_and_nothing_else(self, rows: Rows) -> None:
        mine, theirs = rows.claim(rows.add(), node="n1"), rows.claim(rows.add(scope=SHOP), node="n2")
        assert mine is not None
        assert theirs is not None
        with rows.database.write() as tx:
            assert tx.leases.hand_back_node("n1") == 1
            assert tx.leases.hand_back_node("n1") == 0
        assert rows.claimed(mine).attempt == 1
        assert rows.claim(theirs) is None


class TestDeploying:
    def test_the_phase_begins_with_a_version_and_a_snapshot(self, rows: Rows) -> None:
        with rows.database.write() as tx:
            change, snapshot = tx.config.add(SHOP, b"change"), tx.config.add(SHOP, b"all")
        build = rows.built(rows.add(scope=SHOP, config_id=change))
        assert rows.enter_deploy(build, version=4, config_id=snapshot)
        build = rows.get(build)
        assert (build.phase, build.version) == (Phase.DEPLOYING, 4)
        assert (build.config_id, build.snapshot_id) == (change, snapshot)

    def test_the_next_build_of_the_app_may_begin_meanwhile(self, rows: Rows) -> None:
        build = rows.built(rows.add(detached=True))
        waiting = rows.add(detached=True)
        assert rows.claim(waiting) is None
        assert rows.enter_deploy(build)
        assert rows.claim(waiting) is not None

    def test_it_waits_while_another_row_deploys_and_goes_on_when_that_ended(self, rows: Rows) -> None:
        config = rows.claimed(rows.add(BuildKind.CONFIG))
        build = rows.built(rows.add())
        assert not rows.enter_deploy(build)
        with rows.database.write() as tx:
            assert tx.leases.hand_back(build.id, build.token, counted=False)
        assert rows.claim(build) is None
        assert rows.ready() == []
        with rows.database.write() as tx:
            assert tx.leases.finish(config.id, config.token, BuildState.SUCCEEDED)
        assert rows.ready() == [build.id]
        build = rows.claimed(build)
        assert (build.step, build.phase, build.attempt) == (Step.DEPLOY, Phase.DEPLOYING, 1)
        assert rows.enter_deploy(build)

    def test_a_version_once_taken_is_kept(self, rows: Rows) -> None:
        build = rows.built(rows.add())
        assert rows.enter_deploy(build, version=1)
        assert rows.enter_deploy(build, version=1)
        assert not rows.enter_deploy(build, version=2)

    def test_nothing_is_published_before_the_phase_began(self, rows: Rows) -> None:
        build = rows.built(rows.add())
        assert not rows.publish(build)
        assert rows.enter_deploy(build)
        assert rows.publish(build, plan=["a"])
        assert rows.checkpoint(build, Step.DEPLOY, clean=True)
        build = rows.get(build)
        assert build.published
        assert (build.step, build.results["deploy"]) == (Step.RECORD, {"plan": ["a"], "clean": True})

    def test_a_published_row_never_rewinds(self, rows: Rows) -> None:
        build = rows.built(rows.add())
        assert rows.enter_deploy(build)
        assert rows.publish(build)
        with rows.database.write() as tx:
            assert not tx.leases.rewind(build.id, build.token, Step.EXTRACT)


class TestEnds:
    @pytest.mark.parametrize("state", [BuildState.SUCCEEDED, BuildState.FAILED, BuildState.ERRORED])
    def test_an_end_gives_up_phase_and_lease_and_is_final(self, rows: Rows, state: BuildState) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            assert tx.leases.finish(build.id, build.token, state, error="why")
            assert not tx.leases.finish(build.id, build.token, BuildState.SUCCEEDED)
            assert not tx.leases.renew(build.id, build.token, lease=LONG)
        build = rows.get(build)
        assert (build.state, build.phase, build.lease_until, build.error) == (state, None, None, "why")
        assert build.ended_at is not None

    def test_a_queued_row_ends_without_a_token(self, rows: Rows) -> None:
        build = rows.add()
        with rows.database.write() as tx:
            assert tx.leases.end_queued(build.id, BuildState.SUPERSEDED, error="by build 2")
            assert not tx.leases.end_queued(build.id, BuildState.CANCELLED, error="")
        assert rows.get(build).state is BuildState.SUPERSEDED
        assert rows.claim(build) is None

    def test_a_held_row_does_not_end_without_its_token_but_an_abandoned_one_does(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            assert not tx.leases.end_queued(build.id, BuildState.ERRORED, error="")
        rows.expire(build)
        with rows.database.write() as tx:
            assert not tx.leases.end_queued(build.id, BuildState.SUPERSEDED, error="")
            assert tx.leases.end_queued(build.id, BuildState.ERRORED, error="lost 3 workers")

    def test_a_published_row_ends_only_with_its_deploy(self, rows: Rows) -> None:
        build = rows.built(rows.add())
        assert rows.enter_deploy(build)
        assert rows.publish(build)
        with rows.database.write() as tx:
            assert not tx.leases.finish(build.id, build.token, BuildState.CANCELLED)
            assert not tx.leases.finish(build.id, build.token, BuildState.ERRORED)
        rows.expire(build)
        with rows.database.write() as tx:
            assert not tx.leases.end_queued(build.id, BuildState.CANCELLED, error="")
            assert tx.leases.finish(build.id, build.token, BuildState.SUCCEEDED)

    def test_a_published_row_fails_only_in_its_deploy(self, rows: Rows) -> None:
        build = rows.built(rows.add())
        assert rows.enter_deploy(build)
        assert rows.publish(build)
        with rows.database.write() as tx:
            assert tx.leases.checkpoint(build.id, build.token, Step.DEPLOY, result={}, seconds=1, lease=LONG)
            assert not tx.leases.finish(build.id, build.token, BuildState.FAILED)
            assert tx.leases.finish(build.id, build.token, BuildState.SUCCEEDED)

    def test_a_running_row_is_never_superseded_and_nothing_ends_queued(self, rows: Rows) -> None:
        build = rows.claimed(rows.add())
        with rows.database.write() as tx:
            with pytest.raises(ValueError, match="can't end as superseded"):
                tx.leases.finish(build.id, build.token, BuildState.SUPERSEDED)
            with pytest.raises(ValueError, match="can't end as running"):
                tx.leases.end_queued(build.id, BuildState.RUNNING, error="")


def test_a_stale_token_is_refused_everywhere(rows: Rows) -> None:
    stale = rows.built(rows.add())
    rows.expire(stale)
    owner = rows.claimed(stale)
    assert rows.enter_deploy(owner)
    before = rows.get(owner)
    with rows.database.write() as tx:
        key = (stale.id, stale.token)
        assert tx.leases.start_link(*key, Step.DEPLOY, lease=LONG) is None
        assert not tx.leases.renew(*key, lease=LONG)
        assert not tx.leases.checkpoint(*key, Step.DEPLOY, result={}, seconds=1, lease=LONG)
        assert not tx.leases.rewind(*key, Step.EXTRACT)
        assert not tx.leases.enter_deploy(*key, version=1, config_id=None)
        assert not tx.leases.mark_published(*key, result={})
        assert not tx.leases.finish(*key, BuildState.SUCCEEDED)
        assert not tx.leases.hand_back(*key, counted=True)
    assert rows.get(owner) == before


def test_a_row_is_held_until_a_newer_claim_or_its_end(rows: Rows) -> None:
    build = rows.claimed(rows.add(), lease=OVER)
    with rows.database.read() as tx:
        assert tx.leases.holds(build.id, build.token)
        assert not tx.leases.holds(build.id, 0)
    newer = rows.claimed(build)
    with rows.database.write() as tx:
        assert not tx.leases.holds(build.id, build.token)
        assert tx.leases.finish(build.id, newer.token, BuildState.CANCELLED)
        assert not tx.leases.holds(build.id, newer.token)
