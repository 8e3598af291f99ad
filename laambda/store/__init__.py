"""The rows: SQLite by default, PostgreSQL by URL. Domain values go in and come out; a row never leaves.

``schema`` holds the tables, one module an aggregate its repository, ``leases`` the state machine of a build,
``turns`` the fair order as pure rules, ``engine`` the two databases' set-up, ``migrations`` the schema's history.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from laambda import ports
from laambda.store.database import SqlDatabase


def open_database(url: str, *, clock: Callable[[], datetime] | None = None) -> ports.Database:
    """The database at ``sqlite:////path`` or ``postgresql://user@host/name``; nothing is opened yet.

    ``clock`` tells the time on SQLite (the machine's by default); PostgreSQL's own is used there. Open it after
    fork. Raises InvalidInput for another kind of URL.
    """
    return SqlDatabase(url, clock)
