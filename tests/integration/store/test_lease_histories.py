"""Any history of claims, expiries, hand-backs and ends: a token that lost never writes again."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from laambda.domain.app import App
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild, Phase, Step, steps_of
from laambda.ports import Leases
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API, NOON, SHOP

LEASE = 30.0
WRITES: dict[str, Callable[[Leases, int, int, Step], object]] = {
    "start": lambda leases, build, token, step: leases.start_link(build, token, step, lease=LEASE),
    "renew": lambda leases, build, token, _: leases.renew(build, token, lease=LEASE),
    "checkpoint": lambda leases, build, token, step: leases.checkpoint(
        build, token, step, result={"at": token}, seconds=1.0, lease=LEASE
    ),
    "rewind": lambda leases, build, token, _: leases.rewind(build, token, Step.EXTRACT),
    "enter": lambda leases, build, token, _: leases.enter_deploy(build, token, version=1, config_id=None),
    "publish": lambda leases, build, token, _: leases.mark_published(build, token, result={}),
    "hand back": lambda leases, build, token, _: leases.hand_back(build, token, counted=False),
    "fail": lambda leases, build, token, _: leases.finish(build, token, BuildState.FAILED),
    "cancel": lambda leases, build, token, _: leases.finish(build, token, BuildState.CANCELLED),
}


class Histories(RuleBasedStateMachine):
    """``holder`` is who may write to each build, by the model: the last claim, until it ends or hands back."""

    make: Callable[[Callable[[], object]], SqlDatabase]

    def __init__(self) -> None:
        super().__init__()
        self.time = NOON
        self.database = self.make(lambda: self.time)
        self.tokens: list[tuple[int, int]] = []
        self.holder: dict[int, int] = {}
        self.highest = 0
        self.ended: dict[int, Build] = {}
        with self.database.write() as tx:
            for scope in (API, SHOP):
                tx.apps.create(App(scope, "r", NOON, "ada"))

    def builds(self) -> list[Build]:
        with self.database.read() as tx:
            return list(tx.builds.recent(None, 100))

    @rule(kind=st.sampled_from([BuildKind.PUSH, BuildKind.CONFIG]), scope=st.sampled_from([API, API, SHOP]))
    def add(self, kind: BuildKind, scope: object) -> None:
        with self.database.write() as tx:
            self.holder[tx.builds.add(NewBuild(scope, kind, "ada", "d", detached=True)).id] = 0

    @precondition(lambda self: self.holder)
    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        self.take(data.draw(st.sampled_from(sorted(self.holder))))

    def take(self, build_id: int) -> None:
        """Claim: only what nobody holds any more, with the highest token yet."""
        before = next(build for build in self.builds() if build.id == build_id)
        with self.database.write() as tx:
            claimed = tx.leases.claim(build_id, node="n", lease=LEASE, attempts=50)
        if claimed is None:
            return
        assert not before.state.ended
        assert before.lease_until is None or before.lease_until <= self.time
        assert claimed.token > self.highest
        self.highest = claimed.token
        self.holder[build_id] = claimed.token
        self.tokens.append((build_id, claimed.token))

    @precondition(lambda self: any(self.holder.values()))
    @rule(data=st.data())
    def take_over(self, data: st.DataObject) -> None:
        build_id = data.draw(st.sampled_from(sorted(build for build, token in self.holder.items() if token)))
        self.time += timedelta(seconds=LEASE)
        self.take(build_id)
        assert self.holder[build_id] == self.highest

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), name=st.sampled_from(sorted(WRITES)))
    def write(self, data: st.DataObject, name: str) -> None:
        self.attempt(name, *data.draw(st.sampled_from(self.tokens)))

    @precondition(lambda self: self.stale())
    @rule(data=st.data(), name=st.sampled_from(sorted(WRITES)))
    def write_late(self, data: st.DataObject, name: str) -> None:
        self.attempt(name, *data.draw(st.sampled_from(self.stale())))

    def stale(self) -> list[tuple[int, int]]:
        return [(build, token) for build, token in self.tokens if token != self.holder[build]]

    def attempt(self, name: str, build_id: int, token: int) -> None:
        """Write with a token: it must change nothing where it is not the holder's."""
        before = next(build for build in self.builds() if build.id == build_id)
        if name == "checkpoint" and before.step is Step.RECORD:
            return
        if name == "rewind" and Step.EXTRACT not in steps_of(before.kind):
            return
        with self.database.write() as tx:
            done = bool(WRITES[name](tx.leases, build_id, token, before.step))
            after = tx.builds.get(build_id)
        if self.holder[build_id] != token:
            assert (done, after) == (False, before)
        if not done:
            assert after == before
        if done and (after.state.ended or name == "hand back"):
            self.holder[build_id] = 0

    @rule(seconds=st.sampled_from([1.0, LEASE, 2 * LEASE]))
    def wait(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    @precondition(lambda self: self.holder)
    @rule(data=st.data())
    def abandon(self, data: st.DataObject) -> None:
        build_id = data.draw(st.sampled_from(sorted(self.holder)))
        before = next(build for build in self.builds() if build.id == build_id)
        with self.database.write() as tx:
            ended = tx.leases.end_queued(build_id, BuildState.ERRORED, error="lost")
        if ended:
            assert not before.published
            assert before.lease_until is None or before.lease_until <= self.time
            self.holder[build_id] = 0

    @invariant()
    def an_app_has_one_row_in_each_phase(self) -> None:
        occupied = [(build.scope, build.phase) for build in self.builds() if build.phase]
        assert len(occupied) == len(set(occupied))

    @invariant()
    def a_row_is_whole(self) -> None:
        for build in self.builds():
            assert (build.phase is None) is (build.state is not BuildState.RUNNING)
            if build.published:
                assert build.state in (BuildState.RUNNING, BuildState.FAILED)
                assert build.version is not None
                assert build.phase in (Phase.DEPLOYING, None)
            if build.state.ended:
                assert self.ended.setdefault(build.id, build) == build

    def teardown(self) -> None:
        self.database.close()


@pytest.mark.slow
def test_a_token_that_lost_never_writes_again(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    def make(clock: Callable[[], object]) -> SqlDatabase:
        path = tmp_path_factory.mktemp("history") / "laambda.db"
        shutil.copy(migrated_file, path)
        return SqlDatabase(f"sqlite:///{path}", clock)

    machine = type("Histories", (Histories,), {"make": staticmethod(make)})
    quick = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(machine, settings=quick)
