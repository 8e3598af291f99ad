"""One link of the chain, around any step: claim or check the token, beat, work, checkpoint.

A link delivered twice, late, or after its build was taken over ends as a cheap no-op. What a step raises decides the
row: theirs ends it as failed, ours hands it back for another attempt.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laambda.build import WorkspaceGone
from laambda.build.recorder import OutputRecorder
from laambda.build.unchanged import unchanged
from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.ending import close, end_held
from laambda.dispatch.lease import BeatingLease
from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.sweep import remove_workspace
from laambda.domain.build import Build, BuildState, Step, steps_from
from laambda.errors import LaambdaError, LeaseLost, PlatformError, UserError
from laambda.ports import LinkContext, Services
from laambda.release.begin import check_refs
from laambda.release.published import Undone
from laambda.release.record import keep

FIRST_RETRY = 2.0
"""Seconds before the second attempt after an error of ours; each later one waits four times as long."""

_log = logging.getLogger(__name__)

Work = Callable[[LinkContext], Mapping[str, Any]]


@dataclass(frozen=True)
class Node:
    """The machine that runs links: its name, folders, and what to do when a lease is lost under a running step."""

    name: str
    workspaces: Path
    cache: Path
    stop: Callable[[], None]
    lock_age: float = 86_400.0
    default_runtime: str = "python3.13"

    @property
    def queue(self) -> str:
        """The node's own queue: links that share a workspace stay here."""
        return f"node.{self.name}"


def run_link(
    services: Services, node: Node, limits: FarmLimits, build_id: int, step: Step, work: Work, token: int | None
) -> Build | None:
    """Run ``step`` of a build; gives the row if the next link is to follow on this node, None if the chain stops here.

    ``token`` is None for the link that claims. Raises nothing but what the process itself can't survive.
    """
    build = _hold(services, node, limits, build_id, step, token)
    if build is None:
        return None
    try:
        return _work(services, node, limits, build, work)
    except WorkspaceGone:
        _rewind(services, node, build)
    except LeaseLost as error:
        _log.info("%s", error)
        _abandon(services, node, build)
    except UserError as error:
        _refuse(services, node, limits, build, error)
    except PlatformError as error:
        _log.warning("build %d, step %s: %s", build.id, build.step, error, exc_info=True)
        _try_again(services, node, limits, build, error)
    except Exception:  # noqa: BLE001 - the last line of defence: a bug in a step must end or retry its row
        _log.exception("build %d, step %s", build.id, build.step)
        _try_again(services, node, limits, build, PlatformError(f"internal error in the step {build.step}"))
    return None


def _hold(
    services: Services, node: Node, limits: FarmLimits, build_id: int, step: Step, token: int | None
) -> Build | None:
    """Claim where there is no token yet, then start the link; None where the message is stale or a copy."""
    with services.database.write() as tx:
        if token is None:
            claimed = tx.leases.claim(build_id, node=node.name, lease=limits.lease, attempts=limits.attempts)
            if claimed is None:
                return None
            token = claimed.token
            if claimed.step is not step:
                _log.info("build %d is at %s, not at %s: sending the right chain", build_id, claimed.step, step)
            else:
                return tx.leases.start_link(build_id, token, step, lease=limits.lease)
        else:
            return tx.leases.start_link(build_id, token, step, lease=limits.lease)
    services.queue.send(claimed, steps_from(claimed.kind, claimed.step), queue=node.queue, token=token)
    return None


def _work(services: Services, node: Node, limits: FarmLimits, build: Build, work: Work) -> Build | None:
    recorder = OutputRecorder(services.output, build.id)
    if build.attempt > 1 and build.step is not Step.RECORD:
        recorder.headline(f"Attempt {build.attempt}: going on at {build.step}")
    started = time.monotonic()
    with BeatingLease(services.database, build.id, build.token, limits.lease, node.stop) as lease:
        context = LinkContext(
            build=build,
            lease=lease,
            services=services,
            recorder=recorder,
            workspace=node.workspaces / str(build.id),
            cache=node.cache,
            lease_seconds=limits.lease,
            lock_age=node.lock_age,
            default_runtime=node.default_runtime,
        )
        over = build.step is Step.EXTRACT and _needs_no_build(context)
        result = {} if over else work(context)
        if not over and build.step is not Step.RECORD:
            lease.check()
            return _checkpoint(services, limits, build, result, time.monotonic() - started)
    _leave(services, node, limits, build)  # not under the lease: the row has ended, which looks like a lost one
    return None


def _needs_no_build(context: LinkContext) -> bool:
    """Before the first link works: True where the row has ended because its release is live already.

    Raises Conflict where another push moved the ref while this one waited for its turn.
    """
    check_refs(context)
    live = unchanged(context)
    return live is not None and keep(context, live)


def _checkpoint(
    services: Services, limits: FarmLimits, build: Build, result: Mapping[str, Any], seconds: float
) -> Build:
    with services.database.write() as tx:
        kept = tx.leases.checkpoint(
            build.id, build.token, build.step, result=result, seconds=seconds, lease=limits.lease
        )
        if not kept:
            raise LeaseLost(f"build {build.id} is no longer held by token {build.token}")
        return tx.builds.get(build.id)


def _rewind(services: Services, node: Node, build: Build) -> None:
    """The workspace is on another machine, or gone: start again from the stored source, here."""
    with services.database.write() as tx:
        if not tx.leases.rewind(build.id, build.token, Step.EXTRACT):
            return
    _log.info("build %d has no workspace here: extracting again", build.id)
    services.queue.send(build, steps_from(build.kind, Step.EXTRACT), queue=node.queue, token=build.token)


def _refuse(services: Services, node: Node, limits: FarmLimits, build: Build, error: UserError) -> None:
    """The row fails. Past the point of no return it does so only where its deploy was undone: anything else that is
    refused there leaves new aliases behind, and the row is finished once its lease has run out."""
    if _published(services, build) and not isinstance(error, Undone):
        _log.error("build %d is published, and its step %s is refused: %s", build.id, build.step, error)
        return
    _end(services, node, limits, build, BuildState.FAILED, error)


def _end(
    services: Services, node: Node, limits: FarmLimits, build: Build, state: BuildState, error: LaambdaError
) -> None:
    """End the row with a reason; whoever waits for it is told."""
    with services.database.write() as tx:
        ended = end_held(tx, build, state, error=str(error))
    if ended:
        recorder = OutputRecorder(services.output, build.id)
        recorder.warning(error.message)
        if error.hint:
            recorder.warning(error.hint)
        _leave(services, node, limits, build)


def _leave(services: Services, node: Node, limits: FarmLimits, build: Build) -> None:
    """The row has ended: its lines are kept, its workspace goes, and the next row gets its turn."""
    close(services, build.id)
    dispatch(services, limits)
    shutil.rmtree(node.workspaces / str(build.id), ignore_errors=True)


def _abandon(services: Services, node: Node, build: Build) -> None:
    """The row is not ours any more: if it has ended, nobody comes back to its workspace."""
    try:
        remove_workspace(services, node.workspaces, build.id)
    except LaambdaError as error:
        _log.warning("workspace of build %d is left to be swept: %s", build.id, error)


def _try_again(services: Services, node: Node, limits: FarmLimits, build: Build, error: PlatformError) -> None:
    """Hand the row back while attempts are left. Past the point of no return the lease runs out by itself, which
    paces the attempts: such a row never fails."""
    if _published(services, build):
        return
    if build.attempt >= limits.attempts:
        _end(services, node, limits, build, BuildState.ERRORED, error)
        return
    delay = FIRST_RETRY * 4 ** (build.attempt - 1)
    with services.database.write() as tx:
        given = tx.leases.hand_back(build.id, build.token, counted=True, delay=delay)
    if given:
        OutputRecorder(services.output, build.id).warning(f"{error.message}; trying again in {delay:.0f} s")


def _published(services: Services, build: Build) -> bool:
    with services.database.read() as tx:
        return tx.builds.get(build.id).published
