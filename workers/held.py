"""Which claim a running task works under, for the main process to know when the child that runs it dies.

A note a task, on disk: a killed child tells nothing, and the row may be another child's by the time its death is
noticed, so only the token that died with it may be handed back.
"""

from __future__ import annotations

from pathlib import Path

FOLDER = ".held"


def note(workspaces: Path, task_id: str, token: int) -> None:
    """The task works under ``token`` now."""
    folder = workspaces / FOLDER
    folder.mkdir(exist_ok=True)
    (folder / task_id).write_text(str(token))


def taken(workspaces: Path, task_id: str) -> int | None:
    """The token that the task worked under, once; None where it held nothing."""
    path = workspaces / FOLDER / task_id
    try:
        token = int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    forget(workspaces, task_id)
    return token


def forget(workspaces: Path, task_id: str) -> None:
    """The task has ended."""
    (workspaces / FOLDER / task_id).unlink(missing_ok=True)
