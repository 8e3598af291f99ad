"""What to do about a push that git itself refuses, in words of ours after git's own."""

from __future__ import annotations

import re
from collections.abc import Iterator

_HINTS = {
    b"pack exceeds maximum allowed size": (
        "The push is too large, its history included",
        "Keep data in S3, not in git; git filter-repo takes large files out of the history",
    ),
    b"did not receive expected object": (
        "The push lacks an object that it needs",
        "Run git fsck, mend what it finds, and push again",
    ),
    b"fsck error in packed object": (
        "The object named above is damaged, or was not made by git",
        "Run git fsck, mend what it finds, and push again",
    ),
}
_TAIL = 4096
_HEADER = re.compile(rb"[0-9a-f]{4}\x02")
"""git cuts its words into packets of 128 bytes: https://git-scm.com/docs/protocol-common#_pkt_line_format"""


class Hints:
    """Listens to what git tells the client, and knows what to add to its last words."""

    def __init__(self) -> None:
        self._tail = b""

    def listen(self, said: bytes) -> None:
        self._tail = (self._tail + said)[-_TAIL:]

    def lines(self) -> Iterator[str]:
        heard = _HEADER.sub(b"", self._tail)
        return (f" !     {line}" for words, lines in _HINTS.items() if words in heard for line in lines)
