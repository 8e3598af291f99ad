"""Lambda in memory: functions, versions and the ``live`` alias, with revisions enforced and updates that take time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from laambda.domain.function import Alias, CodeLocation, FunctionSettings, Invocation, LiveFunction, WantedFunction
from laambda.domain.log import LogLine
from laambda.errors import Conflict, NotFound, PreconditionLost
from laambda.ports import TargetCloud
from tests.fakes.objects import FakeObjects


@dataclass(frozen=True)
class Content:
    """What a version holds."""

    settings: FunctionSettings
    code_sha256: str
    config_digest: str


@dataclass
class Held:
    """A function with all that hangs on its name. ``unsettled`` counts the reads that will find an update under way."""

    owner: str
    content: Content
    revision: str
    unsettled: int
    versions: dict[str, Content] = field(default_factory=dict)
    alias: Alias | None = None
    failure: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


class FakeLambda:
    """Implements ``ports.Functions``. An update settles after ``settle`` reads, which changes the revision once more.

    ``around`` is called with (when, call, function) before and after the effect of each call, and may raise.
    """

    def __init__(self, *, settle: int = 1) -> None:
        self.held: dict[str, Held] = {}
        self.around: Callable[[str, str, str], None] = lambda *_: None
        self._settle = settle
        self._revisions = (f"r{number}" for number in itertools.count(1))
        self._lock = threading.RLock()

    def get(self, name: str, *, with_alias: bool = True) -> LiveFunction | None:
        with self._call("get", name):
            held = self.held.get(name)
            if held is None:
                return None
            self._tick(held)
            live = self._live(name, held)
            return live if with_alias else replace(live, alias=None)

    def create(self, wanted: WantedFunction, owner: str) -> LiveFunction:
        with self._call("create", wanted.name):
            if wanted.name in self.held:
                raise Conflict(f"function already exists: {wanted.name}")
            content = Content(wanted.settings, wanted.code.sha256, wanted.config.digest)
            self.held[wanted.name] = Held(owner, content, next(self._revisions), self._settle)
            return self._live(wanted.name, self.held[wanted.name])

    def update_code(self, name: str, code: CodeLocation, wanted: WantedFunction, revision_id: str) -> LiveFunction:
        with self._call("update_code", name):
            held = self._free(name, revision_id)
            settings = replace(held.content.settings, architecture=wanted.settings.architecture)
            return self._update(name, replace(held.content, code_sha256=code.sha256, settings=settings))

    def update_settings(self, wanted: WantedFunction, revision_id: str) -> LiveFunction:
        with self._call("update_settings", wanted.name):
            held = self._free(wanted.name, revision_id)
            settings = replace(wanted.settings, architecture=held.content.settings.architecture)
            content = replace(held.content, settings=settings, config_digest=wanted.config.digest)
            return self._update(wanted.name, content)

    def publish(self, name: str, *, code_sha256: str, revision_id: str, description: str) -> str:
        with self._call("publish", name):
            held = self._free(name, revision_id)
            if held.content.code_sha256 != code_sha256:
                raise PreconditionLost(f"another code is in {name}")
            last = max(held.versions, key=int, default="")
            if last and held.versions[last] == held.content:
                return last
            number = str(next(held.numbers))
            held.versions[number] = held.content
            held.revision = next(self._revisions)
            return number

    def version_settled(self, name: str, version: str) -> bool:
        with self._call("version_settled", name):
            if version not in self._find(name).versions:
                raise NotFound(f"there is no version {version} of {name}")
            return True

    def delete(self, name: str) -> None:
        with self._call("delete", name):
            self.held.pop(name, None)

    def served(self, name: str) -> Content | None:
        """What the ``live`` alias runs, or None."""
        held = self.held.get(name)
        return held.versions[held.alias.version] if held and held.alias else None

    def _update(self, name: str, content: Content) -> LiveFunction:
        held = self.held[name]
        held.content, held.revision, held.unsettled = content, next(self._revisions), self._settle
        held.failure = ""
        return self._live(name, held)

    def _tick(self, held: Held) -> None:
        if held.unsettled:
            held.unsettled -= 1
            if not held.unsettled:
                held.revision = next(self._revisions)

    def _live(self, name: str, held: Held) -> LiveFunction:
        return LiveFunction(
            name=name,
            settings=held.content.settings,
            code_sha256=held.content.code_sha256,
            config_digest=held.content.config_digest,
            revision_id=held.revision,
            settled=not held.unsettled,
            owner=held.owner,
            failure=held.failure,
            alias=held.alias,
        )

    def _find(self, name: str) -> Held:
        if name not in self.held:
            raise NotFound(f"function not found: {name}")
        return self.held[name]

    def _free(self, name: str, revision_id: str) -> Held:
        held = self._find(name)
        if revision_id != held.revision:
            raise PreconditionLost(f"{name} is at another revision")
        if held.unsettled:
            raise Conflict(f"an update of {name} is in progress")
        return held

    @contextmanager
    def _call(self, call: str, name: str) -> Iterator[None]:
        self.around("before", call, name)
        with self._lock:
            yield
        self.around("after", call, name)


class FakeAliases:
    """Implements ``ports.Aliases`` over the functions of a FakeLambda."""

    def __init__(self, functions: FakeLambda) -> None:
        self._functions = functions

    def create(self, function: str, version: str, description: str) -> Alias:
        with self._functions._call("create_alias", function):
            held = self._functions._find(function)
            if held.alias is not None:
                raise Conflict(f"{function} has the alias already")
            return self._set(held, function, version, description)

    def update(self, function: str, *, version: str | None, description: str, revision_id: str | None) -> Alias:
        with self._functions._call("update_alias", function):
            held = self._functions._find(function)
            if held.alias is None:
                raise NotFound(f"{function} has no alias")
            if revision_id and revision_id != held.alias.revision_id:
                raise PreconditionLost(f"the alias of {function} is at another revision")
            return self._set(held, function, version or held.alias.version, description)

    def get(self, function: str) -> Alias | None:
        with self._functions._call("get_alias", function):
            held = self._functions.held.get(function)
            return held.alias if held else None

    def _set(self, held: Held, function: str, version: str, description: str) -> Alias:
        if version not in held.versions:
            raise NotFound(f"there is no version {version} of {function}")
        held.alias = Alias(version, description, next(self._functions._revisions))
        return held.alias


class FakeInvoker:
    """Implements ``ports.Invoker``: a function answers with what was sent, and ``logs`` has its START line."""

    def __init__(self, functions: FakeLambda, logs: FakeLogs) -> None:
        self._functions = functions
        self._logs = logs

    def invoke(self, function: str, payload: bytes) -> Invocation:
        alias = self._functions._find(function).alias
        if alias is None:
            raise NotFound(f"{function} has no alias")
        start = f"START RequestId: {len(self._logs.written)} Version: {alias.version}"
        self._logs.written.append(
            LogLine(datetime.now(UTC), function, "", "stream", start, str(len(self._logs.written)))
        )
        return Invocation(payload, "", f"{start}\n", alias.version)


class FakeLogs:
    """Implements ``ports.FunctionLogs``: ``written`` is given back."""

    def __init__(self) -> None:
        self.written: list[LogLine] = []

    def lines(self, function: str, *, since: datetime, limit: int) -> list[LogLine]:
        found = (line for line in self.written if line.function == function and line.at >= since)
        return sorted(found, key=lambda line: line.at)[:limit]


def fake_cloud(folder: Path, functions: FakeLambda | None = None) -> TargetCloud:
    """A target in memory, its objects in ``folder``; give ``functions`` to look inside."""
    functions, logs = functions or FakeLambda(), FakeLogs()
    return TargetCloud(
        functions=functions,
        aliases=FakeAliases(functions),
        invoker=FakeInvoker(functions, logs),
        logs=logs,
        artifacts=FakeObjects(folder),
    )
