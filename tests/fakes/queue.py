"""A doorbell that remembers who rang: for tests of what sends chains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from laambda.domain.build import Build, Step
from laambda.errors import Unavailable


@dataclass(frozen=True)
class Sent:
    """One chain as it was sent."""

    build_id: int
    steps: tuple[Step, ...]
    queue: str
    token: int | None


class FakeQueue:
    """Keeps what is sent in ``sent``. While ``away`` it refuses; ``lose`` forgets all, as a broker without its disk."""

    def __init__(self) -> None:
        self.away = False
        self.sent: list[Sent] = []
        self._kept_data = False

    def send(self, build: Build, steps: Sequence[Step], *, queue: str, token: int | None = None) -> None:
        if self.away:
            raise Unavailable("the broker did not answer")
        self.sent.append(Sent(build.id, tuple(steps), queue, token))

    def survived(self) -> bool:
        if self.away:
            return True
        kept, self._kept_data = self._kept_data, True
        return kept

    def lose(self) -> None:
        """Forget every chain that was sent."""
        self.sent.clear()
        self._kept_data = False

    def take(self) -> list[Sent]:
        """What was sent since the last call."""
        taken, self.sent = self.sent, []
        return taken
