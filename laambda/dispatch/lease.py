"""A lease that beats: held while a link runs, lost for good when it could not beat in time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from laambda.errors import LeaseLost, Unavailable
from laambda.ports import Database

_log = logging.getLogger(__name__)

SAFE = 0.8
"""The part of a lease after which its holder must write nothing more."""

GRACE = 2.0
"""Seconds that a step has to notice by itself."""

LOOK = 1.0
"""Seconds between looks at the row: how long a cancelled build may go on unseen. A look only reads."""


class BeatingLease:
    """Implements ``ports.Lease``. Renews every quarter of ``seconds`` in a thread of its own, and looks in between
    whether the row is still ours.

    ``on_lost`` is called once, from that thread, where the link still works ``GRACE`` seconds after the lease was
    lost: it stops what the link did not stop itself.
    """

    def __init__(
        self, database: Database, build_id: int, token: int, seconds: float, on_lost: Callable[[], None]
    ) -> None:
        self._database = database
        self._build_id = build_id
        self._token = token
        self._seconds = seconds
        self._on_lost = on_lost
        self._until = time.monotonic() + seconds * SAFE
        self._released = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease of build {build_id}", daemon=True)

    @property
    def token(self) -> int:
        return self._token

    def check(self) -> None:
        """Raise LeaseLost unless the build is surely still ours."""
        if self._lost.is_set() or time.monotonic() > self._until:
            raise LeaseLost(f"build {self._build_id} is no longer held by token {self._token}")

    def __enter__(self) -> BeatingLease:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()

    def _beat(self) -> None:
        renew_at = time.monotonic() + self._seconds / 4
        while not self._released.wait(max(0.0, min(LOOK, renew_at - time.monotonic()))):
            if time.monotonic() < renew_at:
                ours = self._seen()
            else:
                renew_at = time.monotonic() + self._seconds / 4
                ours = self._renewed()
            if not ours:
                self._lost.set()
                if not self._released.wait(GRACE):
                    self._on_lost()
                return

    def _seen(self) -> bool:
        """False once the row is surely not ours any more; an outage proves nothing."""
        try:
            with self._database.read() as tx:
                return tx.leases.holds(self._build_id, self._token)
        except Unavailable:
            return True

    def _renewed(self) -> bool:
        """False once the row is someone else's, or once it is too late to be sure that it is not."""
        asked = time.monotonic()
        try:
            with self._database.write() as tx:
                if not tx.leases.renew(self._build_id, self._token, lease=self._seconds):
                    return False
            self._until = asked + self._seconds * SAFE
        except Unavailable as error:
            _log.warning("build %d could not beat: %s", self._build_id, error)
        return time.monotonic() < self._until
