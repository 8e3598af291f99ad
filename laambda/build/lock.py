"""Locks: which wheels an app gets, resolved once and kept under the hash of everything that decides it.

``locks/pylock.<key>.toml`` is the whole answer (PEP 751), ``locks/<key>.json`` the wheels chosen from it for one
runtime and architecture. The second is written last and is the only one read back.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.pylock import Package, PackageWheel, Pylock, PylockSelectError, PylockValidationError

from laambda.build import uv
from laambda.build.indexes import Indexes
from laambda.build.requirements import Requirements, is_public
from laambda.build.target import BuildTarget, no_wheel
from laambda.errors import BuildFailed

FORMAT = "1"
MAX_PACKAGES = 2_000


@dataclass(frozen=True)
class Locking:
    """Where locks are kept and how old they may be. Seconds; ``now`` since 1970; ``fresh`` resolves in any case."""

    cache: Path
    now: float
    max_age: float
    fresh: bool = False


@dataclass(frozen=True)
class LockedWheel:
    """A wheel of a lock. ``size`` in bytes, 0 where the index does not tell; ``sha256`` hex."""

    package: str
    version: str
    filename: str
    url: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Lock:
    """The wheels of an app, by name; ``cached`` where they were known before. ``made`` is the time of a lock that
    grows old, in seconds since 1970, and None for one that never does."""

    key: str
    wheels: tuple[LockedWheel, ...]
    cached: bool = False
    made: float | None = None


NOTHING = Lock("", ())


def lock_requirements(requirements: Requirements, target: BuildTarget, indexes: Indexes, how: Locking) -> Lock:
    """The lock of ``requirements`` for ``target``, from the cache where one is young enough.

    A lock of hashes never grows old. Raises as ``uv.resolve``, and BuildFailed for what is not a wheel or has
    another hash than asked for.
    """
    if not requirements.wanted:
        return NOTHING
    key = _key(requirements.digest(), target, indexes.digest())
    oldest = 0.0 if requirements.pinned else how.now - how.max_age
    if not how.fresh and (known := load(how.cache, key, oldest)):
        return replace(known, made=None) if requirements.pinned else known
    text = uv.resolve(requirements, target, indexes, how.cache)
    chosen = choose(tomllib.loads(text), target, "The lock")
    for wheel in chosen:
        indexes.check_wheel(wheel.url, wheel.filename)
        _check_hash(wheel, requirements)
    _write(how.cache / "locks" / f"pylock.{key}.toml", text, how.now)
    return _keep(how, Lock(key, chosen, made=None if requirements.pinned else how.now))


def read_pylock(content: bytes, name: str, target: BuildTarget, how: Locking) -> Lock:
    """The wheels of a customer's own ``pylock.toml``, honoured exactly; raises BuildFailed naming the file."""
    return _exact(content, name, target, how, lambda: content)


def export_uv_lock(lock: bytes, project: bytes, target: BuildTarget, how: Locking) -> Lock:
    """The wheels of a customer's ``uv.lock`` without its development groups; raises BuildFailed."""
    name = "uv.lock"
    return _exact(b"\0".join((lock, project)), name, target, how, lambda: uv.export(lock, project, how.cache))


def _exact(content: bytes, name: str, target: BuildTarget, how: Locking, pylock: Callable[[], bytes]) -> Lock:
    key = _key(hashlib.sha256(content).hexdigest(), target, name)
    if not how.fresh and (known := load(how.cache, key)):
        return replace(known, made=None)
    try:
        chosen = choose(tomllib.loads(pylock().decode("utf-8")), target, name)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BuildFailed(f"{name} is not valid TOML: {error}") from None
    for wheel in chosen:
        if not is_public(wheel.url):
            raise BuildFailed(f"{name}: {wheel.filename} is not at a public https:// address")
    return _keep(how, Lock(key, chosen))


def choose(document: dict[str, object], target: BuildTarget, name: str) -> tuple[LockedWheel, ...]:
    """The best wheel of each package for ``target``; raises BuildFailed where one is missing."""
    try:
        pylock = Pylock.from_dict(document)
        found = [
            _wheel(package, source, target, name)
            for package, source in pylock.select(environment=target.markers(), tags=target.tags())
        ]
    except (PylockValidationError, PylockSelectError) as error:
        raise BuildFailed(f"{name} does not fit {target}: {error}") from None
    if len(found) > MAX_PACKAGES:
        raise BuildFailed(f"{name} has more than {MAX_PACKAGES} packages")
    return tuple(sorted(found, key=lambda wheel: (wheel.package, wheel.sha256)))


def _wheel(package: Package, source: object, target: BuildTarget, name: str) -> LockedWheel:
    if not isinstance(source, PackageWheel):
        raise no_wheel(f"{name}: {package.name}", target)
    sha256 = source.hashes.get("sha256", "")
    if not source.url or not sha256:
        raise BuildFailed(f"{name}: {package.name} has no address or no sha256", hint="Use an index that gives both")
    filename = source.name or unquote(urlsplit(source.url).path.rpartition("/")[2])
    return LockedWheel(package.name, str(package.version or ""), filename, source.url, sha256, source.size or 0)


def _check_hash(wheel: LockedWheel, requirements: Requirements) -> None:
    if not requirements.hashes:
        return
    allowed = requirements.hashes.get(wheel.package)
    if allowed is None:
        raise BuildFailed(
            f"{wheel.package}=={wheel.version} has no --hash in the requirements, others have",
            hint="Give a hash to all packages or to none (`uv pip compile --generate-hashes`)",
        )
    if wheel.sha256 not in allowed:
        raise BuildFailed(f"{wheel.filename} has another hash than the requirements ask for", hint="Lock them again")


def _key(requirements: str, target: BuildTarget, indexes: str) -> str:
    parts = (FORMAT, requirements, target.runtime.identifier, str(target.architecture), indexes)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def load(cache: Path, key: str, oldest: float = 0.0) -> Lock | None:
    """The lock kept under ``key``, or None where there is none made at ``oldest`` (seconds since 1970) or later."""
    if not key:
        return NOTHING
    path = cache / "locks" / f"{key}.json"
    try:
        made = path.stat().st_mtime
        if made < oldest:
            return None
        data = json.loads(path.read_bytes())
        return Lock(key, tuple(LockedWheel(**entry) for entry in data), cached=True, made=made)
    except (OSError, ValueError, TypeError):
        return None


def _keep(how: Locking, lock: Lock) -> Lock:
    _write(how.cache / "locks" / f"{lock.key}.json", json.dumps([asdict(wheel) for wheel in lock.wheels]), how.now)
    return lock


def _write(path: Path, text: str, now: float) -> None:
    """Whole or not at all; its time is ``now``, which is what the age of a lock is read from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    os.utime(name, (now, now))
    Path(name).replace(path)
