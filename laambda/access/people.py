"""What a user's name may look like: it stands in audit entries, release lists and logs."""

from __future__ import annotations

import re

from laambda.errors import InvalidInput

_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")


def check_user(name: str) -> str:
    """Give ``name`` back, or raise InvalidInput."""
    if not _USER.fullmatch(name):
        raise InvalidInput(
            f"{name[:64]!r} is not a user's name",
            hint="Use 1 to 64 letters, digits and . _ @ + -, such as jim@example.com",
        )
    return name
