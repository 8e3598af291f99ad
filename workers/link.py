"""The base of every task: it gives the use case its node, and pins the rest of the chain to it.

The first link that runs stamps its token and this node's queue on the links that follow, because the steps share a
workspace. A link that does not hold its build ends the chain without a trace.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

from celery import Task
from celery.exceptions import SoftTimeLimitExceeded

from laambda.bootstrap import limits, services, settings
from laambda.cloud.queue import TOKEN_HEADER, options
from laambda.dispatch.link import Node, Work, run_link
from laambda.domain.build import Build, Phase, Step, phase_of
from laambda.errors import BuildFailed, Unavailable
from laambda.ports import LinkContext, Services
from workers import held

EXIT_LEASE_LOST = 75


class Link(Task):  # type: ignore[misc]
    """A link of the chain."""

    abstract = True

    def run_step(self, build_id: int, step: Step, work: Work) -> None:
        """Run ``work`` as the build's ``step``; the chain goes on here, or ends."""

        def noted(context: LinkContext) -> Mapping[str, Any]:
            held.note(node().workspaces, self.request.id, context.lease.token)
            return within_limit(step, work, context)

        build = run_link(node_services(), node(), limits(settings()), build_id, step, noted, self._token())
        if build is None:
            self.request.chain = None
            return
        _pin(self.request.chain or [], build)

    def _token(self) -> int | None:
        headers: dict[str, Any] = self.request.headers or {}
        token = headers.get(TOKEN_HEADER)
        return int(token) if token is not None else None


def within_limit(step: Step, work: Work, context: LinkContext) -> Mapping[str, Any]:
    """Do ``work``; raises BuildFailed where a building step took too long, Unavailable where a deploying one did."""
    try:
        return work(context)
    except SoftTimeLimitExceeded:
        taken = f"the step {step} took longer than {settings().build_limit:.0f} s"
        if phase_of(step) is Phase.DEPLOYING:
            raise Unavailable(taken) from None
        raise BuildFailed(taken, hint="An operator can raise LAAMBDA_BUILD_LIMIT") from None


def _pin(rest: list[dict[str, Any]], build: Build) -> None:
    """Send the links that follow to this node, under the token of the claim."""
    for following in rest:
        following["options"].update(options(build, node().queue, build.token))


@cache
def node() -> Node:
    """This machine, as links see it."""
    given = settings()
    return Node(
        name=given.node_name,
        workspaces=given.workspaces,
        cache=given.cache,
        stop=lambda: os._exit(EXIT_LEASE_LOST),
        lock_age=given.lock_age,
        default_runtime=given.default_runtime,
    )


@cache
def node_services() -> Services:
    """This process's services; made after fork."""
    return services(settings())
