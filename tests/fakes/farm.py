"""A farm of one line: a queue that runs what it is sent at once, ending rows as the real workers do."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence

from laambda.dispatch.dispatcher import dispatch
from laambda.dispatch.ending import close, end_held
from laambda.dispatch.limits import FarmLimits
from laambda.domain.build import Build, BuildState, Step
from laambda.errors import UserError
from laambda.ports import Services

Work = Callable[[Build, Callable[[str], None]], None]


def succeed(build: Build, tell: Callable[[str], None]) -> None:
    """The shortest build there is."""
    tell(f"-----> Building {build.scope}")
    tell("-----> Released v1")


class FakeFarm:
    """Implements ``ports.TaskQueue``. ``work`` tells lines and raises UserError for a build that fails.

    ``built`` are the builds that were claimed; ``released`` is called when a build's refs have moved and its stream
    has not ended; ``ended`` gets each that has.
    """

    def __init__(self, work: Work = succeed) -> None:
        self.work = work
        self.built: list[int] = []
        self.released: Callable[[Build], None] = lambda build: None
        self.ended: queue.Queue[int] = queue.Queue()
        self.services: Services | None = None
        self.limits = FarmLimits(slots=8)

    def send(self, build: Build, steps: Sequence[Step], *, queue: str, token: int | None = None) -> None:
        threading.Thread(target=self._run, args=(build.id,), daemon=True).start()

    def survived(self) -> bool:
        return True

    def _run(self, build_id: int) -> None:
        assert self.services is not None
        with self.services.database.write() as tx:
            build = tx.leases.claim(build_id, node="fake", lease=60, attempts=3)
        if build is None:
            return
        self.built.append(build_id)

        def tell(line: str) -> None:
            assert self.services is not None
            self.services.output.append(build_id, [line])

        try:
            self.work(build, tell)
            self._record(build)
            self.released(build)
        except UserError as error:
            tell(f" !     {error.message}")
            with self.services.database.write() as tx:
                end_held(tx, build, BuildState.FAILED, error=str(error))
        close(self.services, build_id)
        dispatch(self.services, self.limits)
        self.ended.put(build_id)

    def _record(self, build: Build) -> None:
        assert self.services is not None
        with self.services.database.write() as tx:
            if not build.detached:
                tx.refs.move(build.scope, build.refs, build_id=build.id)
            assert tx.leases.finish(build.id, build.token, BuildState.SUCCEEDED)
