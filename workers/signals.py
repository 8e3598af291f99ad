"""What a worker node does when its processes come and go."""

from __future__ import annotations

import logging
import time
from typing import Any

from billiard.process import current_process
from celery import signals

from laambda.bootstrap import limits, settings, warm_up
from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.sweep import remove_workspace, sweep
from laambda.domain.app import Target
from laambda.errors import LaambdaError
from laambda.lifeline import die_with_parent
from workers import held
from workers.link import node, node_services

SWEEP = 3600.0
"""Seconds between sweeps."""

_log = logging.getLogger(__name__)


@signals.worker_process_init.connect
def warm(**_: Any) -> None:
    """A pool child dies with its parent, and opens what its first build would wait for: beside the pool, which takes a
    child that is not up after four seconds for dead. One of them sweeps what the node's last run left, now and every
    ``SWEEP`` seconds."""
    die_with_parent()
    warm_up(_open_home, _open_functions, *([_keep_sweeping] if current_process().index == 0 else []))


def _open_home() -> None:
    node_services().objects.exists("warm-up")


def _open_functions() -> None:
    node_services().cloud(Target()).functions.get("warm-up", with_alias=False)


def _keep_sweeping() -> None:
    """In one pool child: the main process forks, so it has no threads that hold locks meanwhile."""
    while True:
        try:
            sweep(node_services(), node().workspaces, node().cache)
        except LaambdaError as error:
            _log.warning("not swept: %s", error)
        time.sleep(SWEEP)


@signals.worker_ready.connect
def announce(**_: Any) -> None:
    """The line that the supervisor waits for."""
    print(f"worker {node().name} ready", flush=True)  # noqa: T201


@signals.task_postrun.connect
def done(task_id: str = "", **_: Any) -> None:
    """The links that follow are sent: from here a death of this child concerns no build."""
    held.forget(node().workspaces, task_id)


@signals.task_failure.connect
def lost(task_id: str = "", args: tuple[Any, ...] = (), exception: BaseException | None = None, **_: Any) -> None:
    """A child died under a build: expire its lease now instead of waiting for it. A child that stopped itself
    because its build was cancelled leaves only a workspace.

    Runs in the node's main process, and only for what the child could not handle itself. By then the row may be held
    by another child, whose token is another.
    """
    if type(exception).__name__ not in ("WorkerLostError", "TimeLimitExceeded", "Terminated") or not args:
        return
    try:
        if (token := held.taken(node().workspaces, task_id)) is not None:
            with node_services().database.write() as tx:
                tx.leases.hand_back(int(args[0]), token, counted=True)
            dispatch(node_services(), limits(settings()))
        remove_workspace(node_services(), node().workspaces, int(args[0]))
    except LaambdaError as error:
        _log.warning("lease of build %s not handed back: %s", args[0], error)


@signals.worker_shutdown.connect
def drained(**_: Any) -> None:
    """The node goes away: whatever it still holds is another node's at once, and the attempt does not count."""
    try:
        with node_services().database.write() as tx:
            tx.leases.hand_back_node(node().name)
    except LaambdaError as error:
        _log.warning("leases not handed back: %s", error)
