"""A notifier that remembers whom it told of."""

from __future__ import annotations

from laambda.domain.build import Build


class FakeNotifier:
    """Implements ``ports.Notifier``; ``told`` are the builds that failed, in order."""

    def __init__(self) -> None:
        self.told: list[Build] = []

    def build_failed(self, build: Build) -> None:
        self.told.append(build)
