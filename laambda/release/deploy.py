"""The deploy link: begin, fence, read, plan, publish, and only then move the aliases.

Before ``published`` is in the row, whatever fails leaves the old release serving. After it, whoever holds the row
moves the aliases forward; only a refusal for good by AWS moves them back.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from laambda.domain.app import Target
from laambda.domain.build import BuildKind
from laambda.domain.function import Alias, LiveFunction, WantedFunction
from laambda.errors import LeaseLost, UserError
from laambda.ports import LinkContext, TargetCloud
from laambda.release.apply import Applier, in_parallel
from laambda.release.begin import Begun, begin, take_token
from laambda.release.fence import Fence, Outbid
from laambda.release.pace import Pace
from laambda.release.plan import Plan, plan
from laambda.release.published import Deployment, Published, Undone

_log = logging.getLogger(__name__)

Live = Mapping[str, LiveFunction | None]
Seen = Mapping[str, Alias | None]
"""Aliases by function, as read after our token was written; None where there was none."""


def deploy(context: LinkContext, pace: Pace | None = None) -> Mapping[str, Any]:
    """Make the build's functions live; gives what record and a take-over need (see Deployment).

    ``pace`` is for tests. Raises UserError where the release can't be, PlatformError to be tried again, LeaseLost.
    """
    pace = pace or Pace(retry=context.lease_seconds)
    while True:  # each round outbids one token more of the few that the aliases hold
        try:
            return _deploy(context, pace).as_result()
        except Outbid as higher:
            context = _above(context, higher)


def _deploy(context: LinkContext, pace: Pace) -> Deployment:
    if context.build.published:
        deployment, fence = _taken_over(context, pace)
        aliases: Seen = {}
    else:
        deployment, aliases, fence = _publish(context, pace)
        _pass_the_point_of_no_return(context, deployment)
    _move_aliases(context, deployment, aliases, fence)
    return deployment


def _above(context: LinkContext, higher: Outbid) -> LinkContext:
    """The row as it is now, the counter of tokens being above ``higher``; LeaseLost where the row is no longer ours.
    Why it is safe to go on: see ``fence``."""
    with context.services.database.write() as tx:
        token = take_token(tx, context, above=higher.token)
        build = tx.builds.get(context.build.id)
    _log.warning(
        "an alias of %s held token %d while build %d deploys: the counter was behind, as after a restored backup; "
        "it is at %d now",
        build.scope,
        higher.token,
        build.id,
        token,
    )
    return replace(context, build=build)


def _publish(context: LinkContext, pace: Pace) -> tuple[Deployment, Seen, Fence]:
    """Versions that hold the new release, Active, with the old release still serving; the aliases as read under the
    fence."""
    begun = begin(context)
    cloud = _cloud(context, begun.target)
    applier = _applier(context, cloud, begun, pace)
    wanted = begun.shape.wanted(begun.config, cloud.artifacts.bucket)
    live = _read(applier, wanted)
    plan(wanted, live, applier.owner)  # refuses what is not ours, before the first write
    if begun.contested and any(function and function.alias for function in live.values()):
        in_parallel(applier.fence.raise_around, [name for name, each in live.items() if each], pace.workers)
        live = _read(applier, wanted)
    versions = _surviving(applier, begun.known, live)
    _announce(context, begun.version, plan(wanted, live, applier.owner, versions))
    versions |= _prepare(applier, [each for each in wanted if each.name not in versions], live)
    aliases = {name: function.alias if function else None for name, function in live.items()}
    return _deployment(context, begun, versions, aliases), aliases, applier.fence


def _cloud(context: LinkContext, target: Target) -> TargetCloud:
    """Rollbacks go first."""
    cloud = context.services.cloud(target)
    return cloud.first or cloud if context.build.kind is BuildKind.ROLLBACK else cloud


def _applier(context: LinkContext, cloud: TargetCloud, begun: Begun, pace: Pace) -> Applier:
    scope = context.build.scope
    return Applier(
        functions=cloud.functions,
        fence=Fence(begun.token, cloud.aliases, context.lease, pace),
        owner=scope.owner_tag,
        label=f"{scope} v{begun.version}",
        pace=pace,
    )


def _read(applier: Applier, wanted: Sequence[WantedFunction]) -> Live:
    names = [each.name for each in wanted]
    return dict(zip(names, in_parallel(applier.read, names, applier.pace.workers), strict=True))


def _surviving(applier: Applier, known: Mapping[str, str], live: Live) -> dict[str, str]:
    """The known versions that still exist; the others are made again from slug and config vars."""
    names = [name for name in known if live[name] is not None]

    def is_there(name: str) -> bool:
        function = live[name]
        serves = function is not None and function.alias is not None and function.alias.version == known[name]
        return serves or applier.version_exists(name, known[name])

    there = in_parallel(is_there, names, applier.pace.workers)
    return {name: known[name] for name, exists in zip(names, there, strict=True) if exists}


def _prepare(applier: Applier, wanted: Sequence[WantedFunction], live: Live) -> dict[str, str]:
    made = in_parallel(lambda each: applier.prepare(each, live[each.name]), wanted, applier.pace.workers)
    return {each.name: version for each, version in zip(wanted, made, strict=True)}


def _deployment(context: LinkContext, begun: Begun, versions: Mapping[str, str], aliases: Seen) -> Deployment:
    functions = tuple(
        Published(
            replace(each, lambda_version=versions[each.name]),
            old_version=alias.version if (alias := aliases[each.name]) else "",
        )
        for each in begun.shape.functions
    )
    return Deployment(begun.version, functions, begun.retired, clean=context.build.version is None)


def _announce(context: LinkContext, version: int, planned: Plan) -> None:
    context.recorder.headline(f"Deploying v{version}")
    width = max((len(each.name) for each in planned.functions), default=0)
    for each in planned.functions:
        context.recorder.detail(f"{each.name:<{width}}  {each.summary}")


def _pass_the_point_of_no_return(context: LinkContext, deployment: Deployment) -> None:
    """Store what a take-over needs; from here the release goes forward whoever holds the row."""
    context.lease.check()
    with context.services.database.write() as tx:
        if not tx.leases.mark_published(context.build.id, context.lease.token, result=deployment.as_result()):
            raise LeaseLost(f"build {context.build.id} was taken over before its aliases moved")


def _taken_over(context: LinkContext, pace: Pace) -> tuple[Deployment, Fence]:
    """The deployment that an earlier claim published, and a fence above that claim's."""
    context.recorder.headline("Finishing a deploy that was cut short")
    with context.services.database.write() as tx:
        token = take_token(tx, context)
        target = tx.apps.environment(context.build.scope.environment).target
    deployment = replace(Deployment.from_result(context.build.results["deploy"]), clean=False)
    return deployment, Fence(token, _cloud(context, target).aliases, context.lease, pace)


def _move_aliases(context: LinkContext, deployment: Deployment, aliases: Seen, fence: Fence) -> None:
    """All at once. What AWS refuses for good undoes the round: the old release serves again; raises Undone.

    A take-over has read no ``aliases``: it reads and stamps each.
    """
    try:
        in_parallel(
            lambda each: fence.point(each.name, each.version, *([aliases[each.name]] if each.name in aliases else [])),
            deployment.functions,
            fence.pace.workers,
        )
    except UserError as refused:
        context.recorder.warning(f"AWS refused an alias: {refused.message}")
        _move_back(context, fence, deployment)
        raise Undone(refused.message, hint=refused.hint) from refused


def _move_back(context: LinkContext, fence: Fence, deployment: Deployment) -> None:
    def back(each: Published) -> None:
        try:
            fence.point(each.name, each.old_version)
        except UserError as refused:
            context.recorder.warning(f"{each.name} could not be moved back: {refused.message}")

    in_parallel(back, [each for each in deployment.functions if each.old_version], fence.pace.workers)
    context.recorder.detail("The release before serves again")
