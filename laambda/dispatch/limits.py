"""The farm's numbers, as its use cases need them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FarmLimits:
    """``slots`` builds in flight in the whole farm; ``lease``, ``resend`` in seconds; ``attempts`` per build."""

    slots: int = 4
    lease: float = 30.0
    attempts: int = 3
    resend: float = 15.0
