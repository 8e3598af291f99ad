"""Carrying out a plan: all functions at once, each step by step, and aliases only when every version is Active.

A function is driven by one loop: read, plan, do the first call, wait until it has settled. A call that was refused
because something changed, or whose answer was lost, needs no case of its own: the next plan starts from what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
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

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class _Found:
    """A function as last read, while it is worked on.

    ``checked``: the alias was read after it, so that its revision guards against a newer claim; publishing needs no
    such guard, since a version that no alias names does no harm. ``stale``: it is to be read again. ``wrote``: an
    update of ours is in it.
    """

    live: LiveFunction | None
    checked: bool = False
    stale: bool = False
    wrote: bool = False

    @property
    def revision(self) -> str:
        return self.live.revision_id if self.live else ""


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

        ``live`` is the function as ``read`` gave it. Raises UserError where AWS refuses for good.
        """
        found = _Found(live, checked=True)
        tries = self._tries()
        while True:
            try:
                found = self._settle(wanted.name, found)
                call = plan_function(wanted, found.live, self.owner).version_calls[0]
                if isinstance(call, Publish):
                    return self._publish(wanted, found.revision)
                if not found.checked:
                    found = _Found(self.look(wanted.name), checked=True, wrote=found.wrote)
                    continue
                self.fence.lease.check()
                self._write(call, found.revision)
                found, tries = _Found(None, stale=True, wrote=True), self._tries()
            except NotOurs:
                raise
            except (Conflict, PreconditionLost, Unavailable) as error:
                found = replace(found, stale=True)
                if next(tries, self) is self:
                    raise still_refused(wanted.name, self.pace, error) from error

    def _tries(self) -> Iterator[None]:
        tries = self.pace.tries(self.pace.retry)
        next(tries)
        return tries

    def _settle(self, name: str, found: _Found) -> _Found:
        """``found`` itself, or what is there once no update is under way; a failure of our own update is final."""
        if not found.stale and (found.live is None or found.live.settled):
            return found
        for _ in self.pace.tries(self.pace.settle):
            self.fence.lease.check()
            live = self.functions.get(name, with_alias=False)
            if live is None or live.settled:
                if found.wrote and live is not None and live.failure:
                    raise InvalidInput(f"the function {name} could not be updated: {live.failure}")
                return _Found(live, wrote=found.wrote)
        raise Unavailable(f"{name} was not Active after {self.pace.settle:.0f} s")

    def _write(self, call: CreateFunction | UpdateCode | UpdateSettings, revision: str) -> None:
        match call:
            case CreateFunction(wanted):
                self.functions.create(wanted, self.owner)
            case UpdateCode(wanted):
                self.functions.update_code(wanted.name, wanted.code, wanted, revision)
            case UpdateSettings(wanted):
                self.functions.update_settings(wanted, revision)

    def _publish(self, wanted: WantedFunction, revision: str) -> str:
        """The version holds exactly what was read: revision and CodeSha256 are its conditions."""
        self.fence.lease.check()
        version = self.functions.publish(
            wanted.name, code_sha256=wanted.code.sha256, revision_id=revision, description=self.label
        )
        self._wait(wanted.name, version)
        return version

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
