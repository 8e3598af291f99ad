"""What a deploy will do, as frozen calls: pure, so that the list can be told before any of it is done.

A plan is made from what is wanted and what was read. It is made again whenever a write is refused because the cloud
changed in between; a cloud that already is as wanted gives an empty plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from laambda.domain.function import LiveFunction, WantedFunction
from laambda.errors import Conflict


class NotOurs(Conflict):
    """A function of the wanted name exists and is not this app's: touching it would break someone else's work."""


@dataclass(frozen=True)
class Change:
    """A setting that becomes another. Config vars are compared by digest: ``old`` and ``new`` never hold a value."""

    name: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"[~] {self.name} {self.old} -> {self.new}" if self.old or self.new else f"[~] {self.name}"

    @property
    def summary(self) -> str:
        """Shorter: two digests tell a customer nothing."""
        return self.name if self.name == "code" else str(self).removeprefix("[~] ")


@dataclass(frozen=True)
class CreateFunction:
    wanted: WantedFunction

    def __str__(self) -> str:
        settings = self.wanted.settings
        return f"[+] {settings.runtime} {settings.architecture}, {settings.memory} MB, {settings.timeout} s"


@dataclass(frozen=True)
class UpdateCode:
    wanted: WantedFunction
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes))


@dataclass(frozen=True)
class UpdateSettings:
    wanted: WantedFunction
    changes: tuple[Change, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.changes))


@dataclass(frozen=True)
class Publish:
    """Make a version of $LATEST as the calls before left it. AWS gives the last one again if nothing changed."""

    wanted: WantedFunction

    def __str__(self) -> str:
        return "[+] a published version"


@dataclass(frozen=True)
class CreateAlias:
    """``version`` is empty for the one that the plan publishes."""

    function: str
    version: str

    def __str__(self) -> str:
        return f"[+] live -> {self.version or 'the published version'}"


@dataclass(frozen=True)
class MoveAlias:
    """``version`` is empty for the one that the plan publishes."""

    function: str
    old: str
    version: str

    def __str__(self) -> str:
        return f"[~] live {self.old} -> {self.version or 'the published version'}"


VersionCall = CreateFunction | UpdateCode | UpdateSettings | Publish
AliasCall = CreateAlias | MoveAlias


@dataclass(frozen=True)
class FunctionPlan:
    """The calls for one function: ``version_calls`` in their order, then the alias. ``version`` is the one that
    serves afterwards, empty where it is still to be published."""

    name: str
    version_calls: tuple[VersionCall, ...] = ()
    alias_call: AliasCall | None = None
    version: str = ""

    @property
    def calls(self) -> tuple[VersionCall | AliasCall, ...]:
        return self.version_calls if self.alias_call is None else (*self.version_calls, self.alias_call)

    @property
    def summary(self) -> str:
        """What changes, in a few words for the output of a push."""
        if any(isinstance(call, CreateFunction) for call in self.version_calls):
            return "new"
        updates = (call for call in self.version_calls if isinstance(call, UpdateCode | UpdateSettings))
        changes = [change.summary for call in updates for change in call.changes]
        if self.version and self.alias_call is not None:
            changes.append(f"back to version {self.version}")
        return ", ".join(changes) or "unchanged"


@dataclass(frozen=True)
class Plan:
    """One FunctionPlan for each wanted function, in the Procfile's order."""

    functions: tuple[FunctionPlan, ...]

    @property
    def calls(self) -> tuple[VersionCall | AliasCall, ...]:
        return tuple(call for function in self.functions for call in function.calls)

    def __bool__(self) -> bool:
        return bool(self.calls)

    def lines(self) -> list[str]:
        """Readable: a function's name, then what changes; nothing for one that stays."""
        return [
            line
            for function in self.functions
            if function.calls
            for line in (function.name, *(f"  {part}" for call in function.calls for part in str(call).splitlines()))
        ]


def plan(
    wanted: Sequence[WantedFunction],
    live: Mapping[str, LiveFunction | None],
    owner: str,
    versions: Mapping[str, str] | None = None,
) -> Plan:
    """What to call so that ``wanted`` serves where ``live`` was read.

    ``owner`` is the value of our owner tag. ``versions`` names, by function, the published version that is known to
    hold exactly what is wanted: only the alias moves then. Raises NotOurs.
    """
    known = versions or {}
    return Plan(tuple(plan_function(each, live.get(each.name), owner, known.get(each.name, "")) for each in wanted))


def plan_function(wanted: WantedFunction, live: LiveFunction | None, owner: str, version: str = "") -> FunctionPlan:
    """The part of one function; see ``plan``."""
    if live is None:
        return FunctionPlan(
            wanted.name, (CreateFunction(wanted), Publish(wanted)), CreateAlias(wanted.name, version="")
        )
    if live.owner != owner:
        raise not_ours(live)
    if version:
        return FunctionPlan(wanted.name, (), _alias_call(live, version), version)
    calls: list[VersionCall] = []
    if changes := _code_changes(wanted, live):
        calls.append(UpdateCode(wanted, changes))
    if changes := _settings_changes(wanted, live):
        calls.append(UpdateSettings(wanted, changes))
    return FunctionPlan(wanted.name, (*calls, Publish(wanted)), _alias_call(live, ""))


def not_ours(live: LiveFunction) -> NotOurs:
    """The refusal to touch ``live``."""
    whose = f"belongs to {live.owner}" if live.owner else "was not made by laambda"
    return NotOurs(
        f"the function {live.name} exists and {whose}",
        hint="Rename the process in the Procfile, or delete that function yourself",
    )


def _alias_call(live: LiveFunction, version: str) -> AliasCall | None:
    if live.alias is None:
        return CreateAlias(live.name, version)
    return None if live.alias.version == version else MoveAlias(live.name, live.alias.version, version)


def _code_changes(wanted: WantedFunction, live: LiveFunction) -> tuple[Change, ...]:
    """The architecture travels with the code: UpdateFunctionCode sets it, UpdateFunctionConfiguration can't."""
    changes = []
    if wanted.code.sha256 != live.code_sha256:
        changes.append(Change("code", live.code_sha256[:8], wanted.code.sha256[:8]))
    if wanted.settings.architecture != live.settings.architecture:
        changes.append(Change("architecture", live.settings.architecture, wanted.settings.architecture))
    return tuple(changes)


def _settings_changes(wanted: WantedFunction, live: LiveFunction) -> tuple[Change, ...]:
    changes = [
        Change(field.name.replace("_", " "), _text(old), _text(new))
        for field in fields(wanted.settings)
        if field.name != "architecture"
        and _comparable(old := getattr(live.settings, field.name))
        != _comparable(new := getattr(wanted.settings, field.name))
    ]
    if wanted.config.digest != live.config_digest:
        changes.append(Change("config vars", "", ""))
    if live.failure:
        changes.append(Change("state", "failed", "active"))
    return tuple(changes)


def _comparable(value: object) -> object:
    """AWS gives subnets and security groups in an order of its own."""
    return sorted(value) if isinstance(value, tuple) else value


def _text(value: object) -> str:
    return (", ".join(value) or "none") if isinstance(value, tuple) else str(value)
