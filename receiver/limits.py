"""How much a stranger may cost: bounds that hold before anybody has shown a key."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

MB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """Connections at once, times in seconds, sizes in bytes.

    ``strangers`` is how many connections without a proven key one address may have: fewer than ``unauthenticated``, so
    that no address alone keeps everybody out, and enough for fifty developers who push from one office at once.
    ``login`` is the time from the connection to a proven key. ``idle`` is how long a connection with a proven key
    may stay without a session, ``stalled`` how long a client may neither send nor read while git waits for it.
    ``pack_bytes`` bounds one push; an app's stored packs become one when there are more than ``packs``.
    """

    connections: int = 256
    per_address: int = 128
    unauthenticated: int = 96
    strangers: int = 64
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
        self._strangers: Counter[str] = Counter()

    def admit(self, address: str) -> Admitted | None:
        """Count a new connection, or give None where there are too many."""
        with self._lock:
            if (
                self._addresses.total() >= self._limits.connections
                or self._addresses[address] >= self._limits.per_address
                or self._strangers.total() >= self._limits.unauthenticated
                or self._strangers[address] >= self._limits.strangers
            ):
                return None
            self._addresses[address] += 1
            self._strangers[address] += 1
            return Admitted(self, address)

    def _authenticated(self, address: str) -> None:
        with self._lock:
            _take(self._strangers, address)

    def _closed(self, address: str, *, authenticated: bool) -> None:
        with self._lock:
            _take(self._addresses, address)
            if not authenticated:
                _take(self._strangers, address)


def _take(counter: Counter[str], address: str) -> None:
    """One fewer; nothing is kept of an address that has none."""
    counter[address] -= 1
    if not counter[address]:
        del counter[address]


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
                self._admission._authenticated(self.address)

    def close(self) -> None:
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._admission._closed(self.address, authenticated=self._is_authenticated)
