"""Proof, without running anything, that each handler's module is in the zip."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from laambda.domain.procfile import PROCFILE, Process
from laambda.errors import BuildFailed


def unproven(processes: tuple[Process, ...], names: AbstractSet[str]) -> Process | None:
    """The first process whose module is none of the files ``names``."""
    return next((process for process in processes if not _is_there(process.module, names)), None)


def not_there(process: Process, *, ignored: bool) -> BuildFailed:
    """The error for it; ``ignored`` where the file exists and is left out of the zip."""
    where = f"{PROCFILE} line {process.line}: {process.name} runs {process.handler}"
    if ignored:
        return BuildFailed(f"{where}, but {process.module}.py is ignored", hint="Take it back in .laambdaignore")
    return BuildFailed(
        f"{where}, but there is no {process.module}.py", hint=f"Commit the file, or correct the handler in {PROCFILE}"
    )


def _is_there(module: str, names: AbstractSet[str]) -> bool:
    if f"{module}.py" in names or f"{module}/__init__.py" in names:
        return True
    return any(name.startswith(f"{module}.") and name.endswith(".so") for name in names)
