"""A vault that keeps no secret: for tests of what stands above it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from laambda.errors import PlatformError


class FakeVault:
    """Seals by writing the context in front. Refuses as the real ones do."""

    def seal(self, plain: bytes, context: Mapping[str, str]) -> bytes:
        return json.dumps([dict(sorted(context.items())), base64.b64encode(plain).decode()]).encode()

    def open(self, sealed: bytes, context: Mapping[str, str]) -> bytes:
        try:
            sealed_for, plain = json.loads(sealed)
        except ValueError:
            raise PlatformError("the sealed bag is damaged") from None
        if sealed_for != dict(context):
            raise PlatformError("a sealed bag does not open: wrong context")
        return base64.b64decode(plain, validate=True)
