"""The embedded AWS: moto in this process, with a Lambda of our own that really runs functions.

Nothing in the product imports this package but what starts it; everything else finds it through AWS_ENDPOINT_URL.
``serve`` starts one in this process, ``main`` is ``python -m laambda.localcloud``. Both import moto, which takes
most of a second; importing this package alone does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from laambda.localcloud.server import LocalCloud

__all__ = ["main", "serve"]


def serve(home: Path, *, port: int = 0, settle: float = 0.005, access_key: str = "") -> LocalCloud:
    """See ``laambda.localcloud.server.serve``."""
    from laambda.localcloud import server

    return server.serve(home, port=port, settle=settle, access_key=access_key)


def main(arguments: Sequence[str] | None = None) -> int:
    """See ``laambda.localcloud.server.main``."""
    from laambda.localcloud import server

    return server.main(arguments)
