"""Bytes kept by their SHA-256: bodies of S3 objects and deployment packages.

A blob is written under a temporary name and renamed, so a name that exists is whole. Files are 0600 in a 0700 folder;
they are not encrypted, because what is secret (configuration, keys) is in the journal and never in a blob.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Blobs:
    """The blob store in ``folder``, which is made when missing."""

    folder: Path

    def put(self, body: bytes) -> str:
        """Keep ``body``; its hexadecimal SHA-256 is the name to get it back by."""
        digest = hashlib.sha256(body).hexdigest()
        path = self.path(digest)
        if not path.exists():
            self.folder.mkdir(mode=0o700, exist_ok=True)
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)  # 0600
            with os.fdopen(handle, "wb") as file:
                file.write(body)
            Path(temporary).rename(path)
        return digest

    def path(self, digest: str) -> Path:
        return self.folder / digest[:2] / digest

    def get(self, digest: str) -> bytes:
        """The body named ``digest``. Raises FileNotFoundError."""
        return self.path(digest).read_bytes()

    def sweep(self, keep: set[str]) -> int:
        """Delete every blob that is not in ``keep``, and what a killed process left half written; gives bytes freed."""
        freed = 0
        for path in list(self._files()):
            if path.name not in keep:
                freed += path.stat().st_size
                path.unlink()
        return freed

    def _files(self) -> Iterator[Path]:
        return (path for path in self.folder.glob("??/*") if path.is_file())
