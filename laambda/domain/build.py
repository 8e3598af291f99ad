"""The build: one row, one state machine, for every act that makes a release.

A row is queued, then running under a lease, then in one of five ends. Only the holder of the newest fencing
token may write to a running row. ``failed`` is theirs (their code, their configuration), ``errored`` is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from laambda.domain.names import Scope
from laambda.domain.refs import RefUpdate


class BuildKind(StrEnum):
    """What was asked for."""

    PUSH = "push"
    RETRY = "retry"
    CONFIG = "config"
    RESOURCE = "resource"
    ROLLBACK = "rollback"
    PROMOTE = "promote"


class BuildState(StrEnum):
    """Where the row stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ERRORED = "errored"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def ended(self) -> bool:
        return self not in (BuildState.QUEUED, BuildState.RUNNING)


class Step(StrEnum):
    """The links of the chain, in order."""

    EXTRACT = "extract"
    DETECT = "detect"
    BUILD = "build"
    ZIP = "zip"
    UPLOAD = "upload"
    DEPLOY = "deploy"
    RECORD = "record"


class Phase(StrEnum):
    """What a running row occupies: an app has at most one row in each phase."""

    BUILDING = "building"
    DEPLOYING = "deploying"


_STEPS = tuple(Step)
_ENDS = frozenset(state for state in BuildState if state.ended)
_LEGAL: Mapping[BuildState, frozenset[BuildState]] = {
    BuildState.QUEUED: frozenset({BuildState.RUNNING}) | _ENDS,
    BuildState.RUNNING: frozenset({BuildState.RUNNING, BuildState.QUEUED}) | (_ENDS - {BuildState.SUPERSEDED}),
}


def may_become(old: BuildState, new: BuildState) -> bool:
    """Whether the state machine allows ``old`` -> ``new``.

    An end is final. A running row may be claimed again (its lease expired) or handed back to the queue (its
    worker shuts down), and is never superseded: it is cancelled.
    """
    return new in _LEGAL.get(old, frozenset())


def steps_of(kind: BuildKind) -> tuple[Step, ...]:
    """The links a row of ``kind`` runs through: all seven, or only deploy and record where nothing is built."""
    if kind in (BuildKind.PUSH, BuildKind.RETRY):
        return _STEPS
    return (Step.DEPLOY, Step.RECORD)


def phase_of(step: Step) -> Phase:
    """The phase that ``step`` belongs to."""
    return Phase.DEPLOYING if step in (Step.DEPLOY, Step.RECORD) else Phase.BUILDING


def steps_from(kind: BuildKind, step: Step) -> tuple[Step, ...]:
    """``step`` and the links after it."""
    steps = steps_of(kind)
    return steps[steps.index(step) :]


@dataclass(frozen=True)
class NewBuild:
    """What is known of a row before it exists.

    ``source`` is the object-store key of the source tar (empty where nothing is built); ``target_version`` is
    the vN that a rollback restores; ``config_id`` is the encrypted bag that holds a config change.
    """

    scope: Scope
    kind: BuildKind
    actor: str
    description: str
    commit: str = ""
    tree: str = ""
    source: str = ""
    detached: bool = False
    no_cache: bool = False
    target_version: int | None = None
    config_id: int | None = None
    refs: tuple[RefUpdate, ...] = ()


@dataclass(frozen=True)
class Build(NewBuild):
    """A row of ``builds``.

    ``step`` is the next link to run (or the one that runs); ``link_started`` tells whether that link
    has started under ``token``. ``results`` holds what each finished link wants its successors to know, by
    step. ``version`` is the vN taken when the deploy started, None before, and ``snapshot_id`` the config bag that
    it took with it (``config_id`` stays the change that was asked for). ``published`` marks the point of no
    return. Times are UTC; ``timings`` are seconds by step.
    """

    id: int = 0
    state: BuildState = BuildState.QUEUED
    step: Step = Step.EXTRACT
    phase: Phase | None = None
    attempt: int = 0
    token: int = 0
    node: str = ""
    lease_until: datetime | None = None
    link_started: bool = False
    version: int | None = None
    snapshot_id: int | None = None
    published: bool = False
    error: str = ""
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    created_at: datetime = datetime.min
    claimed_at: datetime | None = None
    ended_at: datetime | None = None
