"""How much a stranger may cost: bounds that hold before anybody has shown a key."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Connections at once, times in seconds, sizes in bytes.

    ``login`` is the time from the connection to a proven key. ``idle`` is how long a connection with a proven key
    may stay without a session, ``stalled`` how long a client may neither send nor read while git waits for it.
    ``pack_bytes`` bounds one push; an app's stored packs become one when there are more than ``packs``.
    """

    connections: int = 256
    per_address: int = 128
    unauthenticated: int = 96
    login: float = 20.0
    idle: float = 60.0
    stalled: float = 600.0
    sessions: int = 8
    keepalive: int = 30
    window: int = 2 * MB
    packet: int = 32 * 1024
    pack_bytes: int = 1024 * MB
    packs: int = 50


class Admission:
    """Counts connections; safe for many threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._addresses: Counter[str] = Counter()
        self._unauthenticated = 0

    def admit(self, address: str) -> Admitted | None:
        """Count a new connection, or give None where there are too many."""
        with self._lock:
            if (
                self._addresses.total() >= self._limits.connections
                or self._addresses[address] >= self._limits.per_address
                or self._unauthenticated >= self._limits.unauthenticated
            ):
                return None
            self._addresses[address] += 1
            self._unauthenticated += 1
            return Admitted(self, address)

    def _authenticated(self) -> None:
        with self._lock:
            self._unauthenticated -= 1

    def _closed(self, address: str, *, authenticated: bool) -> None:
        with self._lock:
            self._addresses[address] -= 1
            if not self._addresses[address]:
                del self._addresses[address]
            if not authenticated:
                self._unauthenticated -= 1


class Admitted:
    """One counted connection. Each call counts once, however often it is made."""

    def __init__(self, admission: Admission, address: str) -> None:
        self.address = address
        self._admission = admission
        self._lock = threading.Lock()
        self._is_authenticated = False
        self._is_closed = False

    def authenticated(self) -> None:
        with self._lock:
            if not self._is_authenticated and not self._is_closed:
                self._is_authenticated = True
                self._admission._authenticated()

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._admission._closed(self.address, authenticated=self._is_authenticated)
