"""The state machine of a build, each change one conditional UPDATE.

A worker may write while the row is running under the token it was given; a claim takes a higher token from one
counter and a row handed back has none, so whatever an earlier holder still sends meets no row. Lease times follow
the database's clock. A published row has passed the point of no return: no count of attempts, no cancellation and
no error of ours ends it, only the outcome of its deploy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, literal, or_, select, true, update

from laambda.domain.build import Build, BuildKind, BuildState, Phase, Step, may_become, phase_of, steps_from
from laambda.store import schema
from laambda.store.builds import build_of, refs_of
from laambda.store.session import Session

_builds = schema.builds
_QUEUED = _builds.c.state == BuildState.QUEUED.value
_RUNNING = _builds.c.state == BuildState.RUNNING.value


def _phase_of_step() -> ColumnElement[str]:
    deploying = [step.value for step in Step if phase_of(step) is Phase.DEPLOYING]
    return case((_builds.c.step.in_(deploying), Phase.DEPLOYING.value), else_=Phase.BUILDING.value)


def _waits_for_ref() -> ColumnElement[bool]:
    """An attached push whose ref an earlier unfinished attached row would move."""
    earlier = _builds.alias("earlier")
    theirs, mine = schema.build_refs.alias("theirs"), schema.build_refs.alias("mine")
    unfinished = earlier.c.state.in_([BuildState.QUEUED.value, BuildState.RUNNING.value])
    ahead = (
        exists()
        .where(
            mine.c.build_id == _builds.c.id,
            theirs.c.name == mine.c.name,
            earlier.c.id == theirs.c.build_id,
            earlier.c.app == _builds.c.app,
            earlier.c.environment == _builds.c.environment,
            earlier.c.id < _builds.c.id,
            ~earlier.c.detached,
            unfinished,
        )
        .correlate(_builds)
    )
    return and_(_builds.c.kind == BuildKind.PUSH.value, ~_builds.c.detached, ahead)


_PHASE_OF_STEP = _phase_of_step()
_WAITS_FOR_REF = _waits_for_ref()


class LeaseRows:
    """The only writer of queued and running rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # ------------------------------------------------------------ taking and keeping a row

    def claim(self, build_id: int, *, node: str, lease: float, attempts: int) -> Build | None:
        taken = (
            update(_builds)
            .where(
                _builds.c.id == build_id,
                or_(and_(_QUEUED, ~_WAITS_FOR_REF), and_(_RUNNING, self._expired())),
                or_(_builds.c.attempt < attempts, _builds.c.published),
            )
            .values(
                state=BuildState.RUNNING.value,
                phase=_PHASE_OF_STEP,
                token=next_token(self._session),
                node=node,
                attempt=_builds.c.attempt + 1,
                lease_until=self._session.moment(lease),
                link_started=False,
                claimed_at=func.coalesce(_builds.c.claimed_at, self._session.moment()),
                resend_at=None,
            )
        )
        return self._write(taken)

    def start_link(self, build_id: int, token: int, step: Step, *, lease: float) -> Build | None:
        fresh = and_(_builds.c.step == step.value, ~_builds.c.link_started)
        started = update(_builds).where(_held(build_id, token), fresh)
        return self._write(started.values(link_started=True, lease_until=self._session.moment(lease)))

    def renew(self, build_id: int, token: int, *, lease: float) -> bool:
        renewed = update(_builds).where(_held(build_id, token))
        return self._session.changed(renewed.values(lease_until=self._session.moment(lease)))

    def holds(self, build_id: int, token: int) -> bool:
        return self._session.run(select(_builds.c.id).where(_held(build_id, token))).first() is not None

    def take_fence(self, build_id: int, token: int, *, above: int = 0) -> int | None:
        row = self._lock(_held(build_id, token))
        return next_token(self._session, above) if row else None

    def hand_back(self, build_id: int, token: int, *, counted: bool, delay: float = 0) -> bool:
        """The row keeps its phase and step, and ``token`` is worth nothing any more."""
        given = update(_builds).where(_held(build_id, token))
        return self._session.changed(given.values(**self._given_back(counted=counted, delay=delay)))

    def hand_back_node(self, node: str) -> int:
        given = update(_builds).where(_RUNNING, _builds.c.node == node, _builds.c.token > 0)
        return self._session.run(given.values(**self._given_back(counted=False, delay=0))).rowcount

    # ------------------------------------------------------------ moving along the chain

    def checkpoint(
        self,
        build_id: int,
        token: int,
        done: Step,
        *,
        result: Mapping[str, Any],
        seconds: float,
        lease: float,
    ) -> bool:
        """``result`` joins what the step has kept already. The last link ends by ``finish``, never here."""
        row = self._lock(_held(build_id, token), _builds.c.step == done.value)
        if row is None:
            return False
        after = steps_from(row.kind, done)[1:]
        if not after:
            raise ValueError(f"{done} is the last link: finish the build instead")
        moved = update(_builds).where(_held(build_id, token), _builds.c.step == done.value)
        return self._session.changed(
            moved.values(
                step=after[0].value,
                link_started=False,
                results=_joined(row.results, done, result),
                timings={**row.timings, done.value: seconds},
                lease_until=self._session.moment(lease),
            )
        )

    def rewind(self, build_id: int, token: int, step: Step) -> bool:
        """False too where the row is published, or where ``step`` needs a phase that another row occupies."""
        row = self._lock(_held(build_id, token), ~_builds.c.published)
        if row is None:
            return False
        if row.step not in steps_from(row.kind, step):
            raise ValueError(f"{step} comes after {row.step}")
        forgotten = {later.value for later in steps_from(row.kind, step)}
        back = update(_builds).where(_held(build_id, token), ~_builds.c.published)
        return self._occupy(
            back.values(
                step=step.value,
                phase=phase_of(step).value,
                link_started=False,
                results={name: kept for name, kept in row.results.items() if name not in forgotten},
                timings={name: kept for name, kept in row.timings.items() if name not in forgotten},
            )
        )

    def enter_deploy(self, build_id: int, token: int, *, version: int, config_id: int | None) -> bool:
        """``config_id`` is kept as the row's ``snapshot_id``. False also where another row of the app deploys: roll
        back the transaction (which gives vN back), hand the row back uncounted and stop; the dispatcher sends it
        again when the phase is free, and the claim then takes the phase at once. A row that has a version
        keeps it: False for another one."""
        mine = or_(_builds.c.version.is_(None), _builds.c.version == version)
        here = and_(_builds.c.step == Step.DEPLOY.value, ~_builds.c.published, mine)
        entered = update(_builds).where(_held(build_id, token), here)
        return self._occupy(entered.values(phase=Phase.DEPLOYING.value, version=version, snapshot_id=config_id))

    def mark_published(self, build_id: int, token: int, *, result: Mapping[str, Any]) -> bool:
        """False too before ``enter_deploy``: nothing is published without a version."""
        deploying = and_(_builds.c.step == Step.DEPLOY.value, _builds.c.version.is_not(None))
        row = self._lock(_held(build_id, token), deploying)
        if row is None:
            return False
        marked = update(_builds).where(_held(build_id, token), deploying)
        joined = _joined(row.results, Step.DEPLOY, result)
        return self._session.changed(marked.values(published=True, results=joined))

    # ------------------------------------------------------------ ends

    def finish(self, build_id: int, token: int, state: BuildState, *, error: str = "") -> bool:
        """A published row ends succeeded, or failed in the deploy that undid it; False for any other end."""
        _check_end(BuildState.RUNNING, state)
        ended = update(_builds).where(_held(build_id, token), _may_end(state))
        return self._session.changed(ended.values(**self._end(state, error)))

    def end_queued(self, build_id: int, state: BuildState, *, error: str) -> bool:
        """Only a queued row is superseded; one that ran is cancelled."""
        _check_end(BuildState.QUEUED, state)
        abandoned = and_(_RUNNING, self._expired(), ~_builds.c.published)
        idle = _QUEUED if not may_become(BuildState.RUNNING, state) else or_(_QUEUED, abandoned)
        ended = update(_builds).where(_builds.c.id == build_id, idle)
        return self._session.changed(ended.values(**self._end(state, error)))

    # ------------------------------------------------------------ inside

    def _expired(self) -> ColumnElement[bool]:
        return _builds.c.lease_until <= self._session.moment()

    def _write(self, statement: Any) -> Build | None:
        """Run an UPDATE of one row that may be refused by a phase's index; gives the row as it is now."""
        row = self._session.attempt(lambda: self._session.run(statement.returning(_builds)).first())
        return build_of(row, refs_of(self._session, [row.id])[row.id]) if row else None

    def _occupy(self, statement: Any) -> bool:
        return bool(self._session.attempt(lambda: self._session.changed(statement)))

    def _lock(self, *conditions: ColumnElement[bool]) -> Build | None:
        """The row, kept from other writers until the transaction ends."""
        row = self._session.run(select(_builds).where(*conditions).with_for_update()).first()
        return build_of(row, ()) if row else None

    def _given_back(self, *, counted: bool, delay: float) -> dict[str, Any]:
        return {
            "token": 0,
            "attempt": _builds.c.attempt - (0 if counted else 1),
            "link_started": False,
            "lease_until": self._session.moment(),
            "resend_at": self._session.moment(delay) if delay else None,
        }

    def _end(self, state: BuildState, error: str) -> dict[str, Any]:
        return {
            "state": state.value,
            "phase": None,
            "lease_until": None,
            "link_started": False,
            "resend_at": None,
            "error": error,
            "ended_at": self._session.moment(),
        }


def next_token(session: Session, above: int = 0) -> int:
    """The counter of fencing tokens, one higher than it was and than ``above``."""
    counter = schema.counters
    reached = case((counter.c.value < above, literal(above, counter.c.value.type)), else_=counter.c.value)
    grown = update(counter).where(counter.c.name == "fence").values(value=reached + 1)
    return int(session.run(grown.returning(counter.c.value)).scalar_one())


def _held(build_id: int, token: int) -> ColumnElement[bool]:
    return and_(_builds.c.id == build_id, _builds.c.token == token, literal(token) > 0, _RUNNING)


def _may_end(state: BuildState) -> ColumnElement[bool]:
    """Past the point of no return a row does not end otherwise than its deploy."""
    if state is BuildState.SUCCEEDED:
        return true()
    undone = and_(_builds.c.step == Step.DEPLOY.value, literal(state is BuildState.FAILED))
    return or_(~_builds.c.published, undone)


def _joined(results: Mapping[str, Any], step: Step, result: Mapping[str, Any]) -> dict[str, Any]:
    return {**results, step.value: {**results.get(step.value, {}), **result}}


def _check_end(old: BuildState, state: BuildState) -> None:
    if not state.ended or not may_become(old, state):
        raise ValueError(f"a {old} build can't end as {state}")
