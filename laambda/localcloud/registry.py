"""All functions of the local Lambda, and the only place where one is replaced by its next value.

A change is recorded before it is visible, and both happen under one lock: what a caller was told is in the journal,
in the order in which it happened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from laambda.localcloud.functions import LATEST, Function, Version
from laambda.localcloud.refusal import RefusedError, missing

Record = Callable[[Function | None, Function | None], None]
"""The old and the new value of a function (None: there is none) to the journal."""


@dataclass(frozen=True)
class Registry:
    """``settle`` is how many seconds a created or changed function needs to become usable."""

    account: str
    settle: float
    clock: Callable[[], float]
    new_id: Callable[[], str]
    record: Record
    _functions: dict[tuple[str, str], Function] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Read, decide and write without another change in between."""
        with self._lock:
            yield

    def find(self, region: str, name: str) -> Function | None:
        return self._functions.get((region, name))

    def get(self, region: str, name: str) -> Function:
        """Raises RefusedError (ResourceNotFoundException)."""
        if (function := self.find(region, name)) is None:
            raise missing(f"arn:aws:lambda:{region}:{self.account}:function:{name}")
        return function

    def put(self, function: Function) -> Function:
        self.record(self.find(function.region, function.name), function)
        self._functions[function.region, function.name] = function
        return function

    def drop(self, function: Function) -> None:
        self.record(function, None)
        del self._functions[function.region, function.name]

    def restore(self, function: Function) -> None:
        """Take a function from the journal: as ``put``, but already recorded."""
        self._functions[function.region, function.name] = function

    def forget(self, region: str, name: str) -> None:
        """Take a deletion from the journal."""
        self._functions.pop((region, name), None)

    def all(self) -> list[Function]:
        with self._lock:
            return [self._functions[key] for key in sorted(self._functions)]


def resolve(function: Function, qualifier: str | None) -> Version:
    """The version that a qualifier (none, ``$LATEST``, number or alias) names.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html#versioning-versions-using
    """
    if not qualifier or qualifier == LATEST:
        return function.latest
    if alias := function.aliases.get(qualifier):
        qualifier = alias.version
    if qualifier == LATEST:
        return function.latest
    if (version := function.versions.get(qualifier)) is None:
        raise missing(function.qualified(qualifier))
    return version


def split_name(text: str) -> tuple[str, str | None]:
    """Function name and qualifier of a name, partial ARN or ARN, each with or without a qualifier.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestParameters
    """
    _, separator, tail = text.rpartition("function:")
    name, _, qualifier = (tail if separator else text).partition(":")
    if not name:
        raise RefusedError("ResourceNotFoundException", f"Function not found: {text}")
    return name, qualifier or None
