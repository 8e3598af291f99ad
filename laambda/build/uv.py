"""Runs uv, the resolver, for another platform and without ever building a package.

``--only-binary :all:`` keeps it to wheels; the files it reads are our own; it sees neither our environment nor
any configuration. https://docs.astral.sh/uv/pip/compile/ and PEP 751 (pylock.toml).
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from laambda.build.indexes import Indexes, scrub
from laambda.build.requirements import Requirements
from laambda.build.target import BuildTarget, no_wheel
from laambda.errors import BuildFailed, LaambdaError, PlatformError, Unavailable
from laambda.lifeline import die_with_parent

TIME_LIMIT = 180.0
"""Seconds for one resolution."""

_NO_PACKAGE = re.compile(r"Because (\S+) was not found in the package registry")
_NO_WHEEL = re.compile(r"Because ([\w.-]+)\S* has no (?:usable wheels|wheels with a matching)")
_NO_VERSION = re.compile(r"there (?:is|are) no versions? of (\S+)")
_NETWORK = re.compile(
    r"Request failed|Failed to fetch|error sending request|tcp connect|dns error|timed? ?out|connection", re.I
)
_DENIED = re.compile(r"\b(401|403)\b|Unauthorized|Forbidden|authentication", re.I)


def resolve(requirements: Requirements, target: BuildTarget, indexes: Indexes, cache: Path) -> str:
    """The text of a ``pylock.toml`` for ``target``.

    Raises BuildFailed for what the developer can mend, Unavailable where the index does not answer, and
    PlatformError where uv itself fails.
    """
    home = cache / "uv"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="resolve-") as folder:
        place = Path(folder)
        (place / "requirements.in").write_text(_lines(requirements.wanted))
        (place / "constraints.txt").write_text(_lines(requirements.constraints))
        _run(_command(requirements, target, home), requirements, target, indexes, place)
        return (place / "pylock.toml").read_text("utf-8")


def _command(requirements: Requirements, target: BuildTarget, home: Path) -> list[str]:
    command = [_binary(), "pip", "compile", "--no-config", "--quiet", "--color", "never", "--no-progress"]
    command += ["--format", "pylock.toml", "--no-header", "--no-annotate", "--only-binary", ":all:", "--no-sources"]
    command += ["--python", sys.executable, "--no-python-downloads", "--python-version", target.python_version]
    command += ["--python-platform", target.runtime.platform(target.architecture)]
    command += ["--cache-dir", str(home / "cache"), "--constraints", "constraints.txt", "-o", "pylock.toml"]
    if requirements.index:
        command += ["--default-index", requirements.index]
    for index in requirements.extra_indexes:
        command += ["--index", index]
    if requirements.prereleases:
        command += ["--prerelease", "allow"]
    return [*command, "requirements.in"]


def _binary() -> str:
    try:
        from uv import find_uv_bin  # a build that finds its lock never needs it

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        raise PlatformError("uv is not installed on this node", hint="pip install uv") from None


def export(lock: bytes, project: bytes, cache: Path) -> bytes:
    """A ``uv.lock`` as ``pylock.toml``: offline, frozen and without a build, so it is only read; raises BuildFailed.

    https://docs.astral.sh/uv/concepts/projects/export/
    """
    home = cache / "uv"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix="export-") as folder:
        place = Path(folder)
        (place / "uv.lock").write_bytes(lock)
        (place / "pyproject.toml").write_bytes(project)
        command = [_binary(), "export", "--no-config", "--quiet", "--color", "never", "--format", "pylock.toml"]
        command += ["--frozen", "--offline", "--no-build", "--no-dev", "--no-emit-project", "--no-header"]
        command += ["--python", sys.executable, "--no-python-downloads", "--cache-dir", str(home / "cache")]
        done = _call([*command, "-o", "pylock.toml"], Indexes({}), place)
        if done.returncode:
            reason = _flat(done.stderr.decode("utf-8", "replace").removeprefix("error:"))[:300]
            raise BuildFailed(f"uv.lock can't be read: {reason}", hint="Run `uv lock` and commit the result")
        return (place / "pylock.toml").read_bytes()


def _run(
    command: Sequence[str], requirements: Requirements, target: BuildTarget, indexes: Indexes, place: Path
) -> None:
    done = _call(command, indexes, place)
    if done.returncode:
        raise explain(scrub(done.stderr.decode("utf-8", "replace")), requirements, target)


def _call(command: Sequence[str], indexes: Indexes, place: Path) -> subprocess.CompletedProcess[bytes]:
    environment = {**indexes.environment, "HOME": str(place), "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT,
            check=False,
            preexec_fn=die_with_parent,  # a killed worker leaves no uv behind
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"Resolving the dependencies took longer than {TIME_LIMIT:.0f} s") from None


def explain(stderr: str, requirements: Requirements, target: BuildTarget) -> LaambdaError:
    """The error that uv's words mean: theirs, the index's or ours."""
    if "No solution found" in stderr:
        return _unsolvable(stderr, target)
    own = requirements.index or requirements.extra_indexes
    if _DENIED.search(stderr):
        kind = BuildFailed if own else PlatformError
        return kind("The package index refuses to answer (401 or 403)", hint="Its credentials are missing or wrong")
    if _NETWORK.search(stderr):
        if own:
            return BuildFailed("A package index named in the requirements did not answer", hint="Check its address")
        return Unavailable("The package index did not answer")
    if "Couldn't parse requirement" in stderr:
        return BuildFailed(
            f"A requirement can't be read: {_flat(stderr.rpartition('cause:')[2])[:200]}", hint="Correct it"
        )
    return PlatformError(f"uv could not resolve the dependencies: {_flat(stderr)[:300]}")


def _unsolvable(stderr: str, target: BuildTarget) -> BuildFailed:
    if found := _NO_PACKAGE.search(stderr):
        return BuildFailed(
            f"There is no package named {_bare(found[1])} on the package index",
            hint="Correct its name, then push again",
        )
    if found := _NO_WHEEL.search(stderr):
        return no_wheel(_bare(found[1]), target)
    if found := _NO_VERSION.search(stderr):
        return BuildFailed(f"There is no version {found[1].rstrip(',.')} for {target}", hint="Correct the version")
    reason = stderr.partition("cause:")[2].partition("\nhint:")[0]
    return BuildFailed(f"The requirements contradict each other: {_flat(reason)[:500]}", hint="Loosen one of them")


def _bare(name: str) -> str:
    return re.split(r"[=<>!~,;]", name, maxsplit=1)[0]


def _flat(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
