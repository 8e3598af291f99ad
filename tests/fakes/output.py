"""Build output kept in memory: for tests of what writes and reads lines."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Sequence

from laambda.domain.log import OutputChunk
from laambda.errors import Unavailable


class FakeOutput:
    """Cursors are positions. While ``away`` it answers nothing; ``lose`` forgets all, as a broker without its disk."""

    def __init__(self) -> None:
        self.away = False
        self._changed = threading.Condition()
        self._lines: dict[int, list[str | None]] = defaultdict(list)

    def append(self, build_id: int, lines: Sequence[str]) -> None:
        self._add(build_id, list(lines))

    def end(self, build_id: int) -> None:
        self._add(build_id, [None])

    def read(self, build_id: int, cursor: str, *, wait: float) -> OutputChunk:
        start = int(cursor or 0)
        with self._changed:
            self._check()
            self._changed.wait_for(lambda: len(self._lines[build_id]) > start, wait)
            found = self._lines[build_id][start:]
        ended = None in found
        lines = tuple(line for line in found if line is not None)
        return OutputChunk(lines, str(start + len(found)) if found else cursor, ended=ended)

    def lose(self) -> None:
        """Forget every line of every build."""
        with self._changed:
            self._lines.clear()

    def said(self, build_id: int) -> list[str]:
        """All lines of a build so far."""
        with self._changed:
            return [line for line in self._lines[build_id] if line is not None]

    def closed(self, build_id: int) -> bool:
        """Whether its end was said."""
        with self._changed:
            return None in self._lines[build_id]

    def _add(self, build_id: int, lines: Sequence[str | None]) -> None:
        with self._changed:
            self._check()
            self._lines[build_id] += lines
            self._changed.notify_all()

    def _check(self) -> None:
        if self.away:
            raise Unavailable("the broker did not answer")
