"""Lines: of a build, and of functions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class OutputChunk:
    """Lines of a build's output after a cursor; ``ended`` once no line will follow."""

    lines: tuple[str, ...]
    cursor: str
    ended: bool


@dataclass(frozen=True)
class LogLine:
    """A line that a function wrote, or the platform wrote about it. ``id`` is unique within the log group."""

    at: datetime
    function: str
    process: str
    stream: str
    message: str
    id: str
