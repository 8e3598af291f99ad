"""Lambda's size limits, checked before anything is uploaded, with the heaviest packages and what to do.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (deployment package size)
"""

from __future__ import annotations

from collections.abc import Mapping

from laambda.errors import BuildFailed

UNPACKED_LIMIT = 250 * 1024 * 1024
"""Bytes that a function's zip and its layers may unpack to."""
_ROWS = 10


def check_unpacked(sizes: Mapping[str, int], *, packed: bool = False) -> None:
    """Raise BuildFailed where ``sizes`` (bytes by package; the app's own files among them) pass the limit.

    ``packed`` sizes are those of wheels before they are fetched: what is too large packed is so unpacked.
    """
    total = sum(sizes.values())
    if total > UNPACKED_LIMIT:
        what = "The packages have" if packed else "The app unpacks to"
        raise BuildFailed(
            f"{what} {megabytes(total)}, Lambda takes {megabytes(UNPACKED_LIMIT)} unpacked",
            hint="Remove a package, choose a lighter one, or leave files of yours out with .laambdaignore",
        )


def heaviest(sizes: Mapping[str, int]) -> list[str]:
    """Lines of a table of the largest entries of ``sizes``."""
    rows = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))[:_ROWS]
    width = max((len(name) for name, _ in rows), default=0)
    return [f"{name:<{width}}  {megabytes(size):>9}" for name, size in rows]


def megabytes(size: int) -> str:
    """``size`` bytes for people: "18.2 MB" (a MB is 1,048,576 bytes, as in Lambda's limits), "4 KB" below a tenth."""
    if size < 1024 * 1024 // 10:
        return f"{max(1, round(size / 1024))} KB" if size else "0 KB"
    return f"{size / (1024 * 1024):.1f} MB"
