"""One module a language: what marks its apps, which runtime they get, and what they depend on.

They are asked in order; the first that detects its language builds the app.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

from laambda.build.buildpacks.python import PythonBuildpack
from laambda.build.indexes import Indexes
from laambda.build.lock import Lock, Locking
from laambda.build.manifest import Manifest
from laambda.build.target import BuildTarget
from laambda.domain.runtimes import Runtime
from laambda.errors import BuildFailed


class Buildpack(Protocol):
    """A language."""

    @property
    def name(self) -> str:
        """As a developer calls it."""

    @property
    def marks(self) -> Sequence[str]:
        """File names, or patterns at the root of a tree, by which it knows its apps."""

    def runtime(self, tree: Path, manifest: Manifest, *, default: str, today: date) -> tuple[Runtime, str]:
        """The runtime, and the file that chose it; raises BuildFailed."""

    def dependencies(self, tree: Path) -> str:
        """The file that names the app's dependencies, or an empty string; raises BuildFailed."""

    def lock(self, tree: Path, target: BuildTarget, indexes: Indexes, how: Locking) -> Lock:
        """The packages for the zip; raises as lock.lock_requirements."""


BUILDPACKS: tuple[Buildpack, ...] = (PythonBuildpack(),)


def detect(tree: Path) -> Buildpack:
    """The buildpack for ``tree``; raises BuildFailed telling what was looked for."""
    for buildpack in BUILDPACKS:
        if any(any(tree.glob(mark)) for mark in buildpack.marks):
            return buildpack
    looked = "; ".join(f"{buildpack.name}: {', '.join(buildpack.marks)}" for buildpack in BUILDPACKS)
    raise BuildFailed("This is not an app that laambda knows", hint=f"None of these is at the root ({looked})")


def by_name(name: str) -> Buildpack:
    """The buildpack that an earlier link detected."""
    return next(buildpack for buildpack in BUILDPACKS if buildpack.name == name)
