"""Carrying out a plan: all functions at once, each step by step, and aliases only when every version is Active.

A function is driven by one loop: read, plan, do the first call, read again. A call that was refused because
something changed, or whose answer was lost, needs no case of its own: the next plan starts from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from laambda.domain.function import LiveFunction, WantedFunction
from laambda.errors import (
    Conflict,
    InvalidInput,
    LaambdaError,
    LeaseLost,
    NotFound,
    PreconditionLost,
    Unavailable,
    UserError,
)
from laambda.ports import Functions
from laambda.release.fence import Fence, patiently, still_refused
from laambda.release.pace import Pace
from laambda.release.plan import CreateFunction, NotOurs, Publish, UpdateCode, UpdateSettings, plan_function

LATEST = "$LATEST"

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Applier:
    """Makes functions as wanted, for one deploy. ``label`` describes the versions it publishes."""

    functions: Functions
    fence: Fence
    owner: str
    label: str
    pace: Pace

    def read(self, name: str) -> LiveFunction | None:
        """``look``, again and again where AWS does not answer."""
        return patiently(lambda: self.look(name), name, self.pace)

    def look(self, name: str) -> LiveFunction | None:
        """The function as it is, settled or not; LeaseLost where a newer claim fenced it.

        ``Functions.get`` reads the revision before the alias: if the alias still holds no higher token, the
        revision is older than any write of a newer claim, and guards against it.
        """
        live = self.functions.get(name)
        if live is not None:
            self.fence.check(live.alias)
        return live

    def version_exists(self, name: str, version: str) -> bool:
        """Whether ``version`` is there and can serve; a release whose version was pruned is made again."""
        try:
            self._wait(name, version)
        except (NotFound, InvalidInput):
            return False
        return True

    def prepare(self, wanted: WantedFunction, live: LiveFunction | None) -> str:
        """Make $LATEST as wanted, publish it and wait until the version is Active; gives the version.

        ``live`` is the function as read. Raises UserError where AWS refuses for good.
        """
        tries = self.pace.tries(self.pace.retry)
        next(tries)
        fresh, wrote = True, False
        while True:
            try:
                if not fresh or (live is not None and not live.settled):
                    live = self._read_settled(wanted.name)
                fresh = False
                if wrote and live is not None and live.failure:
                    raise InvalidInput(f"the function {wanted.name} could not be updated: {live.failure}")
                call = plan_function(wanted, live, self.owner).version_calls[0]
                self.fence.lease.check()
                if isinstance(call, Publish):
                    return self._publish(wanted, live)
                self._write(call, live)
                wrote, tries = True, self.pace.tries(self.pace.retry)
            except NotOurs:
                raise
            except (Conflict, PreconditionLost, Unavailable) as error:
                fresh = False
                if next(tries, self) is self:
                    raise still_refused(wanted.name, self.pace, error) from error

    def _write(self, call: CreateFunction | UpdateCode | UpdateSettings, live: LiveFunction | None) -> None:
        revision = live.revision_id if live else ""
        match call:
            case CreateFunction(wanted):
                self.functions.create(wanted, self.owner)
            case UpdateCode(wanted):
                self.functions.update_code(wanted.name, wanted.code, wanted, revision)
            case UpdateSettings(wanted):
                self.functions.update_settings(wanted, revision)

    def _publish(self, wanted: WantedFunction, live: LiveFunction | None) -> str:
        version = self.functions.publish(
            wanted.name,
            code_sha256=wanted.code.sha256,
            revision_id=live.revision_id if live else "",
            description=self.label,
        )
        self._wait(wanted.name, version)
        return version

    def _read_settled(self, name: str) -> LiveFunction | None:
        live = self.look(name)
        while live is not None and not live.settled:
            with suppress(InvalidInput):  # the next read tells the failure
                self._wait(name, LATEST)
            live = self.look(name)
        return live

    def _wait(self, name: str, version: str) -> None:
        for _ in self.pace.tries(self.pace.settle):
            self.fence.lease.check()
            with suppress(Unavailable):
                if self.functions.version_settled(name, version):
                    return
        raise Unavailable(f"{name} was not Active after {self.pace.settle:.0f} s")


def in_parallel(work: Callable[[_Item], _Result], items: Sequence[_Item], workers: int) -> list[_Result]:
    """``work`` of each item, in the items' order. All have ended when this returns or raises, so that nothing of
    ours writes afterwards; of several errors the gravest is raised."""
    if len(items) < 2 or workers < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(min(workers, len(items)), thread_name_prefix="deploy") as pool:
        futures = [pool.submit(work, item) for item in items]
    errors = [error for future in futures if (error := future.exception())]
    if errors:
        raise min(errors, key=_gravity)
    return [future.result() for future in futures]


def _gravity(error: BaseException) -> int:
    """Lost to a newer claim before refused for good before whatever may pass."""
    if not isinstance(error, LaambdaError):
        return 0
    return 1 if isinstance(error, LeaseLost) else 2 if isinstance(error, UserError) else 3
