"""Runs the build's links over a folder, as the farm would: for tests."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from laambda.build import steps
from laambda.build.recorder import OutputRecorder
from laambda.domain.build import Build, BuildKind, Step
from laambda.domain.names import Scope
from laambda.ports import LinkContext, Services, TargetCloud
from laambda.store import open_database
from tests.fakes.objects import FakeObjects
from tests.fakes.output import FakeOutput

NOW = datetime(2026, 6, 1, tzinfo=UTC)
SAMPLES = Path(__file__).parents[2] / "apps"
LINKS = {
    Step.EXTRACT: steps.extract,
    Step.DETECT: steps.detect,
    Step.BUILD: steps.build,
    Step.ZIP: steps.zip_code,
    Step.UPLOAD: steps.upload,
}


class HeldLease:
    token = 1

    def check(self) -> None:
        """Always ours."""


@dataclass
class Workbench:
    """One node: its cache, its workspace, the stores around it."""

    root: Path
    now: datetime = NOW
    default_runtime: str = "python3.13"
    output: FakeOutput = field(default_factory=FakeOutput)

    @cached_property
    def objects(self) -> FakeObjects:
        return FakeObjects(self.root / "objects")

    @cached_property
    def artifacts(self) -> FakeObjects:
        return FakeObjects(self.root / "artifacts")

    @cached_property
    def services(self) -> Services:
        database = open_database(f"sqlite:///{self.root / 'laambda.db'}")
        database.migrate()
        cloud = TargetCloud(*cast("Any", (None, None, None, None)), artifacts=self.artifacts)
        away = cast("Any", None)
        return Services(database, self.objects, away, away, self.output, lambda _: cloud)

    @cached_property
    def offline_services(self) -> Services:
        """Without a database, for the links before upload."""
        away = cast("Any", None)
        return Services(away, self.objects, away, away, self.output, away)

    def context(self, build: Build, services: Services) -> LinkContext:
        return LinkContext(
            build=build,
            lease=HeldLease(),
            services=services,
            recorder=OutputRecorder(self.output, build.id),
            workspace=self.root / "workspace",
            cache=self.root / "cache",
            default_runtime=self.default_runtime,
        )

    def run(self, files: Mapping[str, str | bytes] | Path, *, until: Step = Step.ZIP, **changes: Any) -> Build:
        """Run the links to ``until``; gives the row with its results."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.objects.put("sources/1.tar", source_tar(read_tree(files) if isinstance(files, Path) else files))
        given = {"source": "sources/1.tar", "created_at": self.now, "id": 1, **changes}
        build = Build(Scope("api"), BuildKind.PUSH, "jane", "first", **given)
        for step, link in LINKS.items():
            services = self.services if step is Step.UPLOAD else self.offline_services
            started = time.perf_counter()
            result = link(self.context(build, services))
            timings = {**build.timings, step: time.perf_counter() - started}
            build = replace(build, results={**build.results, step: result}, timings=timings)
            if step is until:
                break
        return build

    def lines(self) -> list[str]:
        return self.output.said(1)


def read_tree(folder: Path) -> dict[str, bytes]:
    """The files of a sample app."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def source_tar(files: Mapping[str, str | bytes]) -> bytes:
    """A tar like the receiver's."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in sorted(files.items()):
            data = content.encode() if isinstance(content, str) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return out.getvalue()
