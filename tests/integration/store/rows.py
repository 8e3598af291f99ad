"""Short words for what the store's tests do again and again; each is a transaction of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from laambda.domain.build import Build, BuildKind, NewBuild, Step, phase_of
from laambda.domain.names import Scope
from laambda.domain.refs import ZERO, RefUpdate
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API

MAIN = RefUpdate("refs/heads/main", ZERO, "a" * 40)
LONG = 600.0
OVER = -1.0
"""A lease of less than no time: it has expired when it begins, by whichever clock."""


@dataclass(frozen=True)
class Rows:
    """The rows of a database, one transaction a call."""

    database: SqlDatabase

    def add(self, kind: BuildKind = BuildKind.PUSH, scope: Scope = API, **more: Any) -> Build:
        if kind is BuildKind.PUSH:
            more.setdefault("refs", (MAIN,))
        with self.database.write() as tx:
            return tx.builds.add(NewBuild(scope, kind, "ada", "Deploy abc1234", **more))

    def get(self, build: Build) -> Build:
        with self.database.read() as tx:
            return tx.builds.get(build.id)

    def claim(self, build: Build, *, lease: float = LONG, attempts: int = 3, node: str = "n1") -> Build | None:
        with self.database.write() as tx:
            return tx.leases.claim(build.id, node=node, lease=lease, attempts=attempts)

    def claimed(self, build: Build, *, lease: float = LONG) -> Build:
        held = self.claim(build, lease=lease)
        assert held is not None
        return held

    def checkpoint(self, build: Build, done: Step, **result: Any) -> bool:
        with self.database.write() as tx:
            return tx.leases.checkpoint(build.id, build.token, done, result=result, seconds=0.5, lease=LONG)

    def built(self, build: Build) -> Build:
        """Claimed and through all the links that build, still held."""
        held = self.claimed(build)
        while phase_of(held.step) is held.phase and held.step is not Step.DEPLOY:
            assert self.checkpoint(held, held.step)
            held = self.get(held)
        return held

    def enter_deploy(self, build: Build, version: int = 1, config_id: int | None = None) -> bool:
        with self.database.write() as tx:
            return tx.leases.enter_deploy(build.id, build.token, version=version, config_id=config_id)

    def publish(self, build: Build, **result: Any) -> bool:
        with self.database.write() as tx:
            return tx.leases.mark_published(build.id, build.token, result=result)

    def expire(self, build: Build) -> None:
        with self.database.write() as tx:
            assert tx.leases.renew(build.id, build.token, lease=OVER)

    def ready(self, limit: int = 10) -> list[int]:
        with self.database.write() as tx:
            return [build.id for build in tx.dispatching.ready(limit)]

    def send(self, *builds: Build, resend_after: float = LONG) -> None:
        for build in builds:
            with self.database.write() as tx:
                tx.dispatching.mark_sent(build.id, resend_after=resend_after)
