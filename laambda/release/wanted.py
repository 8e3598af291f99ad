"""What the functions of a release shall be: pure, from the build, the app and the releases before.

A push brings code and handlers; timeout and memory that were set for a process stay. A config change brings only
config vars. A rollback brings everything of an earlier release.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from laambda.domain.app import App, Target
from laambda.domain.build import Build, BuildKind
from laambda.domain.config import ConfigVars
from laambda.domain.function import Architecture, CodeLocation, FunctionSettings, WantedFunction
from laambda.domain.names import function_name
from laambda.domain.release import Release, ReleasedFunction, ReleaseState
from laambda.errors import Conflict, PlatformError

SLUG_KEY = "slugs/{slug}.zip"

BUILT = (BuildKind.PUSH, BuildKind.RETRY)


@dataclass(frozen=True)
class Shape:
    """A release's slug and functions before it has versions. ``size`` is the zip's in bytes, 0 where not known."""

    slug: str
    key: str
    size: int
    commit: str
    tree: str
    functions: tuple[ReleasedFunction, ...]

    def wanted(self, config: ConfigVars, bucket: str) -> tuple[WantedFunction, ...]:
        """With the config vars and the place of the code: all that the cloud has to be told."""
        return tuple(
            WantedFunction(
                process=each.process,
                name=each.name,
                settings=each.settings,
                config=config,
                code=CodeLocation(bucket, self.key, each.code_sha256, self.size),
            )
            for each in self.functions
        )


def shape_of(build: Build, app: App, target: Target, live: Release | None, restored: Release | None) -> Shape:
    """What ``build`` releases. ``restored`` is a rollback's target. Raises Conflict where that can't be released."""
    if build.kind in BUILT:
        return _pushed(build, app, target, live)
    if build.kind is BuildKind.ROLLBACK:
        return _of_release(_restorable(build, restored), ())
    if live is None:
        raise Conflict(f"{build.scope} has no release yet", hint="Push first: git push laambda main")
    return _of_release(live, tuple(_placed(each, app, target) for each in live.functions))


def _pushed(build: Build, app: App, target: Target, live: Release | None) -> Shape:
    try:
        detected, uploaded = build.results["detect"], build.results["upload"]
    except KeyError as error:
        raise PlatformError(f"build {build.id} reached its deploy without the result of {error}") from None
    before = {each.process: each.settings for each in live.functions} if live else {}
    functions = tuple(
        _placed(
            ReleasedFunction(
                process=process["name"],
                name=function_name(build.scope, process["name"]),
                settings=_built(detected, process, app, before),
                code_sha256=uploaded["sha256"],
            ),
            app,
            target,
        )
        for process in detected["processes"]
    )
    return Shape(uploaded["slug"], uploaded["key"], uploaded["size"], build.commit, build.tree, functions)


def _built(
    detected: Mapping[str, Any], process: Mapping[str, Any], app: App, before: Mapping[str, FunctionSettings]
) -> FunctionSettings:
    found = FunctionSettings(
        runtime=detected["runtime"],
        handler=process["handler"],
        role=app.role,
        architecture=Architecture(detected["architecture"]),
    )
    kept = before.get(process["name"])
    return found if kept is None else replace(found, timeout=kept.timeout, memory=kept.memory)


def _placed(function: ReleasedFunction, app: App, target: Target) -> ReleasedFunction:
    """With the app's role and the target's network as they are now."""
    settings = replace(function.settings, role=app.role, subnets=target.subnets, security_groups=target.security_groups)
    return replace(function, settings=settings)


def _restorable(build: Build, restored: Release | None) -> Release:
    if restored is None or restored.state is not ReleaseState.SUCCEEDED:
        raise Conflict(
            f"v{build.target_version} of {build.scope} never went live",
            hint=f"See which releases did: laambda releases -a {build.scope}",
        )
    return restored


def _of_release(release: Release, functions: tuple[ReleasedFunction, ...]) -> Shape:
    return Shape(
        release.slug,
        SLUG_KEY.format(slug=release.slug),
        0,
        release.commit,
        release.tree,
        functions or release.functions,
    )


def known_versions(
    shape: Shape, config_id: int | None, live: Release | None, restored: Release | None
) -> dict[str, str]:
    """Published versions, by function, that hold exactly what is wanted: those of the restored release, and those of
    the live one whose code, settings and config bag stay."""
    known = {}
    for release in (live, restored):
        if release is None or release.config_id != config_id:
            continue
        same = {(each.name, each.code_sha256, each.settings): each.lambda_version for each in release.functions}
        known.update({each.name: version for each in shape.functions if (version := same.get(_identity(each)))})
    return known


def _identity(function: ReleasedFunction) -> tuple[str, str, FunctionSettings]:
    return function.name, function.code_sha256, function.settings


def retired(shape: Shape, live: Release | None) -> tuple[ReleasedFunction, ...]:
    """Functions of the live release that the next one does not have."""
    kept = {each.name for each in shape.functions}
    return tuple(each for each in live.functions if each.name not in kept) if live else ()


def default_description(build: Build) -> str:
    """As ``releases`` lists it, where whoever asked gave none."""
    if build.kind is BuildKind.ROLLBACK:
        return f"Rollback to v{build.target_version}"
    return build.description or f"Deploy {build.commit[:7]}"
