"""Lambda's runtimes as data: what each runs on and how long AWS keeps it.

The table is ``runtimes.toml`` next to this file, with its source. ``today`` is always an argument.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

from laambda.domain.function import Architecture
from laambda.errors import BuildFailed, InvalidInput

SOURCE = "https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"
AGEING = timedelta(days=180)
"""How long before its deprecation a runtime is warned of: AWS gives the same notice."""

_UV_MACHINES = {Architecture.X86_64: "x86_64", Architecture.ARM64: "aarch64"}


@dataclass(frozen=True)
class Runtime:
    """A runtime: ``glibc`` is (major, minor) of its operating system's C library, ``version`` Python's."""

    identifier: str
    version: tuple[int, int]
    system: str
    glibc: tuple[int, int]
    uv_platform: str
    architectures: tuple[Architecture, ...]
    deprecated: date
    block_create: date
    block_update: date

    def platform(self, architecture: Architecture) -> str:
        """The value of uv's ``--python-platform``."""
        return f"{_UV_MACHINES[architecture]}-{self.uv_platform}"

    def warning(self, today: date) -> str:
        """What to tell the developer about its age, or an empty string."""
        if today >= self.block_create:
            state = f"takes no new functions since {self.block_create} and no change from {self.block_update}"
        elif today >= self.deprecated:
            state = (
                f"gets no security patches since {self.deprecated} and takes no new functions from {self.block_create}"
            )
        elif today >= self.deprecated - AGEING:
            state = f"is deprecated by AWS on {self.deprecated}"
        else:
            return ""
        return f"{self.identifier} {state}"


@cache
def table() -> Mapping[str, Runtime]:
    """Every runtime that AWS has or had, by identifier, oldest first."""
    data = tomllib.loads(files("laambda.domain").joinpath("runtimes.toml").read_text("utf-8"))
    return {name: _runtime(name, entry, data["systems"][entry["system"]]) for name, entry in data["runtimes"].items()}


def supported(today: date) -> tuple[str, ...]:
    """Identifiers that a push may use on ``today``."""
    return tuple(name for name, runtime in table().items() if today < runtime.block_update)


def find(identifier: str, today: date, *, origin: str) -> Runtime:
    """The runtime to build for; raises BuildFailed naming ``origin``, the file or setting that asked for it."""
    names = ", ".join(supported(today))
    runtime = table().get(identifier)
    if runtime is None:
        raise BuildFailed(
            f"{origin} asks for {identifier[:40]}, which laambda can not build for", hint=f"Use one of {names}"
        )
    if today >= runtime.block_update:
        raise BuildFailed(
            f"{origin} asks for {identifier}, which AWS refuses since {runtime.block_update} ({SOURCE})",
            hint=f"Use one of {names}",
        )
    return runtime


def architecture(name: str, runtime: Runtime, *, origin: str) -> Architecture:
    """The architecture called ``name``; raises BuildFailed where there is none or the runtime lacks it."""
    try:
        wanted = Architecture(name)
    except ValueError:
        raise BuildFailed(f"{origin} asks for the architecture {name[:40]!r}", hint="Use x86_64 or arm64") from None
    if wanted not in runtime.architectures:
        raise BuildFailed(f"{runtime.identifier} does not run on {name}", hint="Use x86_64 or a newer runtime")
    return wanted


def _runtime(name: str, entry: Mapping[str, object], system: Mapping[str, str]) -> Runtime:
    architectures = entry.get("architectures", list(Architecture))
    if not isinstance(architectures, list):
        raise InvalidInput(f"runtimes.toml: the architectures of {name} are not a list")
    return Runtime(
        identifier=name,
        version=_pair(name.removeprefix("python")),
        system=system["name"],
        glibc=_pair(system["glibc"]),
        uv_platform=system["uv"],
        architectures=tuple(Architecture(each) for each in architectures),
        deprecated=_date(entry["deprecated"]),
        block_create=_date(entry["block_create"]),
        block_update=_date(entry["block_update"]),
    )


def _pair(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _date(value: object) -> date:
    if not isinstance(value, date):
        raise InvalidInput(f"runtimes.toml: {value!r} is not a date")
    return value
