"""What differs between two releases, for ``rollback --dry-run``: names of config vars, never a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from laambda.domain.config import ConfigVars
from laambda.domain.release import Release, ReleasedFunction


@dataclass(frozen=True)
class FunctionDiff:
    """A function that changes: ``sign`` is + (comes), - (goes) or ~ (another code or setting)."""

    name: str
    sign: str
    changes: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class ReleaseDiff:
    """From the release that serves to the one that would. ``config`` maps names of config vars to +, - or ~."""

    old: int
    new: int
    functions: tuple[FunctionDiff, ...]
    config: Mapping[str, str]
    commit: tuple[str, str] | None = None

    def lines(self) -> list[str]:
        """As the CLI prints it; empty where the two are alike."""
        lines = [f"[~] commit {self.commit[0][:7]} -> {self.commit[1][:7]}"] if self.commit else []
        for function in self.functions:
            lines.append(f"[{function.sign}] {function.name}")
            lines += [f"    [~] {name} {old} -> {new}" for name, old, new in function.changes]
        return lines + [f"[{sign}] config {name}" for name, sign in self.config.items()]


def diff(old: Release, new: Release, old_config: ConfigVars, new_config: ConfigVars) -> ReleaseDiff:
    """What a roll-back from ``old`` to ``new`` changes."""
    before = {each.name: each for each in old.functions}
    after = {each.name: each for each in new.functions}
    return ReleaseDiff(
        old=old.version,
        new=new.version,
        functions=tuple(
            found
            for name in sorted(before.keys() | after.keys())
            if (found := _function(name, before.get(name), after.get(name)))
        ),
        config={
            name: sign
            for name in sorted(old_config.keys() | new_config.keys())
            if (sign := _sign(old_config.get(name), new_config.get(name)))
        },
        commit=(old.commit, new.commit) if old.commit != new.commit else None,
    )


def _function(name: str, old: ReleasedFunction | None, new: ReleasedFunction | None) -> FunctionDiff | None:
    if old is None or new is None:
        return FunctionDiff(name, "+" if old is None else "-")
    changes = [
        (field.name, str(before), str(after))
        for field in fields(old.settings)
        if (before := getattr(old.settings, field.name)) != (after := getattr(new.settings, field.name))
    ]
    if old.code_sha256 != new.code_sha256:
        changes.insert(0, ("code", old.code_sha256[:8], new.code_sha256[:8]))
    if old.lambda_version != new.lambda_version:
        changes.append(("version", old.lambda_version, new.lambda_version))
    return FunctionDiff(name, "~", tuple(changes)) if changes else None


def _sign(old: str | None, new: str | None) -> str:
    if old == new:
        return ""
    return "+" if old is None else "-" if new is None else "~"
