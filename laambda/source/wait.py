"""Waiting for the build of a push: its lines as they come, and patience with an end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

from laambda.dispatch.ending import close, end_unheld
from laambda.dispatch.follow import POLL, current, follow
from laambda.domain.build import Build, BuildState
from laambda.errors import LaambdaError, Unavailable
from laambda.ports import Services

_log = logging.getLogger(__name__)

Tell = Callable[[str], None]


def wait_for(build_id: int, services: Services, tell: Tell, *, patience: float) -> Build:
    """Tell the build's lines until it has ended; an outage of the database only pauses them.

    For the push that made the build and that alone can want its end: one that is still queued after ``patience``
    seconds is cancelled.
    """
    with _patience(build_id, services, patience):
        return _follow(build_id, services, tell)


def join(build_id: int, services: Services, tell: Tell, *, patience: float) -> Build:
    """As ``wait_for``, of a build that goes on whoever waits: one that is still queued after ``patience`` seconds is
    given as it is."""
    build = _queued(build_id, services, patience)
    if build is None:
        return _follow(build_id, services, tell)
    tell(f" !     {_still_queued(build_id, patience)}, and stays there")
    tell(f"       Follow it with: laambda builds:output {build_id} -a {build.scope}")
    return build


def _follow(build_id: int, services: Services, tell: Tell) -> Build:
    told = 0
    warned = False
    while True:
        try:
            for line in islice(follow(services, build_id), told, None):
                told += 1
                warned = warned or line.startswith(" !     ")
                tell(line)
            ended = current(services, build_id)
        except Unavailable as error:
            _log.warning("following build %d: %s", build_id, error)
            time.sleep(1)
            continue
        if ended.state.ended:
            break
    if ended.error and not warned:
        tell(f" !     {ended.error}")
    return ended


def _queued(build_id: int, services: Services, seconds: float) -> Build | None:
    """The build if it is still queued after ``seconds``; None as soon as it is not."""
    end = time.monotonic() + seconds
    cursor = ""
    while True:
        left = max(0.0, end - time.monotonic())
        try:
            build = current(services, build_id)
            if build.state is not BuildState.QUEUED:
                return None
            if not left:
                return build
            cursor = services.output.read(build_id, cursor, wait=min(left, POLL)).cursor
        except Unavailable as error:
            _log.warning("waiting for build %d: %s", build_id, error)
            time.sleep(min(left, POLL))


def _still_queued(build_id: int, seconds: float) -> str:
    return f"still queued as build {build_id} after {seconds / 60:.0f} minutes"


@contextmanager
def _patience(build_id: int, services: Services, seconds: float) -> Iterator[None]:
    """While the block runs: cancel the build if it is still queued after ``seconds``."""
    timer = threading.Timer(seconds, _give_up, args=(build_id, services, seconds))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _give_up(build_id: int, services: Services, seconds: float) -> None:
    try:
        with services.database.write() as tx:
            build = tx.builds.get(build_id)
            reason = _still_queued(build_id, seconds)
            if build.state is not BuildState.QUEUED or not end_unheld(tx, build, BuildState.CANCELLED, error=reason):
                return
        close(services, build_id)
    except LaambdaError as error:
        _log.warning("build %d not cancelled: %s", build_id, error)
