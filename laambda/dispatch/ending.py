"""The ends of a row other than success: state, release and reserved refs change in one transaction."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from laambda.build.recorder import OutputRecorder
from laambda.domain.build import Build, BuildKind, BuildState
from laambda.errors import LaambdaError
from laambda.ports import Services, Transaction
from laambda.release.record import fail

_log = logging.getLogger(__name__)


def end_held(tx: Transaction, build: Build, state: BuildState, *, error: str) -> bool:
    """End a row that the caller's token holds; False where a newer claim owns it."""
    return tx.leases.finish(build.id, build.token, state, error=error) and _undo(tx, build)


def end_unheld(tx: Transaction, build: Build, state: BuildState, *, error: str) -> bool:
    """End a row that no worker holds; False where one has taken it meanwhile."""
    return tx.leases.end_queued(build.id, state, error=error) and _undo(tx, build)


def _undo(tx: Transaction, build: Build) -> bool:
    """Give up what the row took: its pending release fails, its refs are free."""
    fail(tx, tx.builds.get(build.id))
    return True


def close(services: Services, build_id: int, *, last_words: str = "") -> None:
    """Say that no line follows and keep the lines for good. Never raises: the row has ended already.

    ``last_words`` tell whoever waits why a row ended that no worker held.
    """
    try:
        if last_words:
            OutputRecorder(services.output, build_id).warning(last_words)
        services.output.end(build_id)
        archive(services, build_id)
    except LaambdaError as error:
        _log.warning("output of build %d not closed: %s", build_id, error)
    _tell_outside(services, build_id)


def _tell_outside(services: Services, build_id: int) -> None:
    """Notify of a failed build, where a notifier is set. Never raises."""
    if services.notifier is None:
        return
    try:
        with services.database.read() as tx:
            build = tx.builds.get(build_id)
    except LaambdaError as error:
        _log.warning("nobody is told of build %d: %s", build_id, error)
        return
    if build.kind in (BuildKind.PUSH, BuildKind.RETRY) and build.state in (BuildState.FAILED, BuildState.ERRORED):
        services.notifier.build_failed(build)


def archive(services: Services, build_id: int) -> None:
    """Copy the build's lines from the live stream to the object store."""
    lines = list(_live_lines(services, build_id))
    services.objects.put(output_key(build_id), "".join(f"{line}\n" for line in lines).encode())


def archived_lines(services: Services, build_id: int) -> list[str]:
    """The kept lines; NotFound where the build has not ended or its lines were lost with the broker."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "output"
        services.objects.get(output_key(build_id), path)
        return path.read_text().splitlines()


def output_key(build_id: int) -> str:
    """Where the object store keeps a build's lines."""
    return f"outputs/{build_id}.txt"


def _live_lines(services: Services, build_id: int) -> list[str]:
    lines: list[str] = []
    cursor = ""
    while True:
        chunk = services.output.read(build_id, cursor, wait=0)
        lines += chunk.lines
        if chunk.ended or not chunk.lines:
            return lines
        cursor = chunk.cursor
