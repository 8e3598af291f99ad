"""The five links that turn a pushed tree into a stored slug.

    extract   the source tar from the object store, unpacked in the workspace
    detect    language, runtime, architecture, processes
    build     lock, wheels, dependency slab: nothing of it depends on the app's code
    zip       the app's files behind the slab, hashed
    upload    to the artifact store of the target, unless it is there

Each may run twice, or on a node that lost its disk: what an earlier link left is looked for, and WorkspaceGone is
raised where it is missing. The app's code is never run.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from laambda.build import WorkspaceGone, buildpacks, limits, lock, manifest, slab, slug, source, wheels
from laambda.build.handlers import not_there, unproven
from laambda.build.indexes import Indexes
from laambda.build.limits import megabytes
from laambda.build.lock import Lock, Locking
from laambda.build.slab import Slab
from laambda.build.target import BuildTarget
from laambda.build.tree import app_files
from laambda.build.unchanged import build_settings
from laambda.domain import procfile, runtimes
from laambda.domain.build import Step
from laambda.domain.function import Architecture
from laambda.domain.names import Scope, function_name
from laambda.domain.procfile import PROCFILE, Process
from laambda.errors import BuildFailed, InvalidInput, NotFound, PlatformError
from laambda.ports import LinkContext

_TREE, _TAIL, _OWN = "tree", "tail", "(your files)"
_BEFORE_ZIP = (Step.EXTRACT, Step.DETECT, Step.BUILD)


def extract(context: LinkContext) -> Mapping[str, Any]:
    """Unpack the build's source; gives {files, size}."""
    archive = context.workspace / "source.tar"
    context.workspace.mkdir(parents=True, exist_ok=True)
    try:
        context.services.objects.get(context.build.source, archive)
    except NotFound:
        raise PlatformError("The stored source of this build is gone") from None
    unpacked = source.unpack(archive, context.workspace / _TREE)
    archive.unlink()
    return {"files": unpacked.files, "size": unpacked.size}


def detect(context: LinkContext) -> Mapping[str, Any]:
    """Tell what the tree is; gives {buildpack, runtime, architecture, dependencies, processes}."""
    tree, recorder, today = _tree(context), context.recorder, _today(context)
    buildpack, wanted = buildpacks.detect(tree), manifest.read(tree)
    recorder.headline(f"{buildpack.name} app detected")
    runtime, origin = buildpack.runtime(tree, wanted, default=context.default_runtime, today=today)
    architecture = runtimes.architecture(wanted.architecture or "x86_64", runtime, origin=manifest.NAME)
    dependencies = buildpack.dependencies(tree)
    processes = _processes(tree)
    _check_names(context.build.scope, processes)
    recorder.detail(f"{runtime.identifier} on {architecture} ({origin})")
    for process in processes:
        recorder.detail(f"{process.name}: {process.handler}")
    if warning := runtime.warning(today):
        recorder.warning(warning)
    if (tree / ".env").is_file():
        recorder.warning(".env is not packed unless .laambdaignore says !.env; use `laambda config:set` for settings")
    if not dependencies:
        _prove_handlers(processes, {file.name for file in app_files(tree)}, tree)
    return {
        "buildpack": buildpack.name,
        "runtime": runtime.identifier,
        "architecture": str(architecture),
        "dependencies": dependencies,
        "processes": [{"name": process.name, "handler": process.handler} for process in processes],
    }


def build(context: LinkContext) -> Mapping[str, Any]:
    """Lock the dependencies and make their slab; gives {lock, locked, packages, slab, cached, settings}."""
    tree, detected = _tree(context), context.build.results[Step.DETECT]
    target = _target(context, detected)
    indexes = Indexes.from_environ(os.environ)
    buildpack = buildpacks.by_name(detected["buildpack"])
    if detected["dependencies"]:
        context.recorder.headline(f"Installing dependencies from {detected['dependencies']}")
    locked = buildpack.lock(tree, target, indexes, _locking(context, fresh=context.build.no_cache))
    try:
        made = _slab(context, locked, indexes)
    except wheels.WheelGone:
        locked = buildpack.lock(tree, target, indexes, _locking(context, fresh=True))
        made = _slab(context, locked, indexes)
    _keep_limits(context, made.sizes)
    return {
        "lock": locked.key,
        "locked": locked.made,
        "packages": len(locked.wheels),
        "slab": made.id,
        "cached": made.cached,
        "settings": build_settings(context),
    }


def zip_code(context: LinkContext) -> Mapping[str, Any]:
    """Put the app's files behind the slab; gives {slug, key, sha256, size, unzipped, slab}."""
    started = time.perf_counter()
    tree, built = _tree(context), context.build.results[Step.BUILD]
    files, base = app_files(tree), _known_slab(context, built["slab"])
    if hidden := slug.shadowed(base, files):
        base = slab.make(_known_lock(context, built["lock"]).wheels, context.cache, hidden)
        context.recorder.warning(f"The app replaces {len(hidden)} file(s) of its dependencies: {min(hidden)}")
    _prove_handlers(_processes(tree), {file.name for file in files}, tree, base)
    made = slug.write_tail(base, files, context.workspace / _TAIL)
    _keep_limits(context, {**base.sizes, _OWN: made.unpacked})
    seconds = sum(context.build.timings.get(step, 0.0) for step in _BEFORE_ZIP) + time.perf_counter() - started
    context.recorder.headline(_summary(context, made.size, seconds))
    return {
        "slug": made.id,
        "key": made.key,
        "sha256": made.sha256,
        "size": made.size,
        "unzipped": sum(base.sizes.values()) + made.unpacked,
        "slab": base.id,
    }


def upload(context: LinkContext) -> Mapping[str, Any]:
    """Store the slug where the functions will be; gives {slug, key, sha256, size, unzipped}."""
    zipped = context.build.results[Step.ZIP]
    with context.services.database.read() as tx:
        environment = tx.apps.environment(context.build.scope.environment)
    artifacts = context.services.cloud(environment.target).artifacts
    if not artifacts.exists(zipped["key"]):
        tail, whole = context.workspace / _TAIL, context.workspace / "slug.zip"
        base = _known_slab(context, zipped["slab"])
        if not tail.is_file():
            raise WorkspaceGone("The zip's tail is gone")
        slug.assemble(base, tail, whole)
        context.lease.check()
        artifacts.put(zipped["key"], whole)
        whole.unlink()
    return {name: zipped[name] for name in ("slug", "key", "sha256", "size", "unzipped")}


def _keep_limits(context: LinkContext, sizes: Mapping[str, int], *, packed: bool = False) -> None:
    """Check Lambda's size limit; where it is passed the heaviest packages are shown before the error."""
    try:
        limits.check_unpacked(sizes, packed=packed)
    except BuildFailed:
        context.recorder.warning(f"The heaviest parts, {'packed' if packed else 'unpacked'}:")
        for line in limits.heaviest(sizes):
            context.recorder.detail(line)
        raise


def _slab(context: LinkContext, locked: Lock, indexes: Indexes) -> Slab:
    """The lock's slab, with a line about what it took."""
    _keep_limits(context, {wheel.package: wheel.size for wheel in locked.wheels}, packed=True)
    if known := slab.load(context.cache, slab.slab_id(locked.wheels)):
        made, fetched = known, wheels.Fetched(0, 0)
    else:
        fetched = wheels.fetch(locked.wheels, indexes, context.cache)
        made = slab.make(locked.wheels, context.cache)
    if locked.wheels:
        news = f", {fetched.count} downloaded ({megabytes(fetched.size)})" if fetched.count else ", all in the cache"
        context.recorder.detail(
            _count(len(locked.wheels), "package") + (" known" if locked.cached else " locked") + news
        )
    return made


def _summary(context: LinkContext, size: int, seconds: float) -> str:
    built = context.build.results[Step.BUILD]
    functions = len(context.build.results[Step.DETECT]["processes"])
    parts = [f"Zip {megabytes(size)}", _count(built["packages"], "package"), _count(functions, "function")]
    hit = " (cache hit)" if built["cached"] and built["packages"] else ""
    return f"{', '.join(parts)}, built in {seconds:.2f} s{hit}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _processes(tree: Path) -> tuple[Process, ...]:
    path = tree / PROCFILE
    if not path.is_file():
        raise procfile.missing(entry.name for entry in tree.iterdir())
    if path.stat().st_size > procfile.MAX_BYTES:
        raise BuildFailed(f"{PROCFILE} is larger than {procfile.MAX_BYTES // 1024} KB")
    return procfile.parse(path.read_bytes()).processes


def _check_names(scope: Scope, processes: tuple[Process, ...]) -> None:
    """Every process gives a function's name that Lambda takes."""
    for process in processes:
        try:
            function_name(scope, process.name)
        except InvalidInput as error:
            raise BuildFailed(f"{PROCFILE} line {process.line}: {error.message}", hint=error.hint) from None


def _prove_handlers(processes: tuple[Process, ...], names: set[str], tree: Path, base: Slab | None = None) -> None:
    """Every handler's module is among the app's files, or, where that is asked, among those of the slab."""
    process = unproven(processes, names)
    if process and base:
        process = unproven(processes, names | base.contents().names)
    if process:
        raise not_there(process, ignored=(tree / f"{process.module}.py").is_file())


def _target(context: LinkContext, detected: Mapping[str, Any]) -> BuildTarget:
    runtime = runtimes.find(detected["runtime"], _today(context), origin="The build")
    return BuildTarget(runtime, Architecture(detected["architecture"]))


def _locking(context: LinkContext, *, fresh: bool) -> Locking:
    moment = context.build.claimed_at or context.build.created_at
    return Locking(context.cache, moment.timestamp(), context.lock_age, fresh)


def _today(context: LinkContext) -> date:
    return (context.build.claimed_at or context.build.created_at).date()


def _tree(context: LinkContext) -> Path:
    tree = context.workspace / _TREE
    if not tree.is_dir():
        raise WorkspaceGone("The build's source is not on this node any more")
    return tree


def _known_slab(context: LinkContext, identity: str) -> Slab:
    if known := slab.load(context.cache, identity):
        return known
    raise WorkspaceGone("The dependency slab is not on this node any more")


def _known_lock(context: LinkContext, key: str) -> Lock:
    if known := lock.load(context.cache, key):
        return known
    raise WorkspaceGone("The lock is not on this node any more")
