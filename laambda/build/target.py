"""What a wheel must fit: the runtime's Python, C library and machine, never the host's.

PEP 425 (tags), PEP 600 (manylinux_X_Y), PEP 508 (markers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.markers import Environment
from packaging.tags import Tag, compatible_tags, cpython_tags

from laambda.domain.function import Architecture
from laambda.domain.runtimes import Runtime
from laambda.errors import BuildFailed

_MACHINES = {Architecture.X86_64: "x86_64", Architecture.ARM64: "aarch64"}
_OLD_NAMES = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}
_NEWEST_PATCH = 99
_OLDEST_GLIBC = {Architecture.X86_64: 5, Architecture.ARM64: 17}


@dataclass(frozen=True)
class BuildTarget:
    """A runtime on an architecture."""

    runtime: Runtime
    architecture: Architecture

    def __str__(self) -> str:
        return f"{self.runtime.identifier} on {self.architecture}"

    @property
    def python_version(self) -> str:
        major, minor = self.runtime.version
        return f"{major}.{minor}"

    def tags(self) -> list[Tag]:
        """Wheel tags that run there, best first."""
        version, platforms = self.runtime.version, list(self._platforms())
        abi = f"cp{version[0]}{version[1]}" + ("m" if version < (3, 8) else "")
        found = [*cpython_tags(version, [abi], platforms)]
        return [*found, *compatible_tags(version, f"cp{version[0]}{version[1]}", platforms)]

    def markers(self) -> Environment:
        """The environment that dependency markers are read in; AWS keeps runtimes at their newest patch."""
        newest = f"{self.python_version}.{_NEWEST_PATCH}"
        return {
            "implementation_name": "cpython",
            "implementation_version": newest,
            "os_name": "posix",
            "platform_machine": _MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": newest,
            "python_version": self.python_version,
            "sys_platform": "linux",
        }

    def _platforms(self) -> Iterator[str]:
        machine = _MACHINES[self.architecture]
        major, newest = self.runtime.glibc
        for minor in range(newest, _OLDEST_GLIBC[self.architecture] - 1, -1):
            yield f"manylinux_{major}_{minor}_{machine}"
            if old := _OLD_NAMES.get((major, minor)):
                yield f"{old}_{machine}"
        yield f"linux_{machine}"


def no_wheel(package: str, target: BuildTarget) -> BuildFailed:
    """The error for a package that can't be had as a wheel there, with the ways out."""
    major, minor = target.runtime.glibc
    newer = " or a runtime on Amazon Linux 2023 (python3.12 or newer)" if (major, minor) < (2, 34) else ""
    return BuildFailed(
        f"{package} has no wheel for {target} (glibc {major}.{minor}), only sources or other platforms",
        hint=f"Choose a version with a wheel, another package{newer}, or publish a wheel on an index of yours",
    )
