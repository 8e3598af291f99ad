"""An object store in a folder: for tests of what keeps things there."""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from laambda.errors import NotFound, Unavailable


class FakeObjects:
    """Implements ``ports.ObjectStore``. While ``away`` it answers nothing."""

    def __init__(self, folder: Path, bucket: str = "fake-artifacts") -> None:
        self.away = False
        self._folder = folder
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        return self._bucket

    def put(self, key: str, body: Path | bytes) -> None:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{uuid.uuid4().hex}")
        fresh.write_bytes(body if isinstance(body, bytes) else body.read_bytes())
        fresh.replace(path)

    def get(self, key: str, to: Path) -> None:
        path = self._path(key)
        if not path.exists():
            raise NotFound(f"there is no object {key}")
        fresh = to.with_name(f".{uuid.uuid4().hex}")
        shutil.copyfile(path, fresh)
        fresh.replace(to)

    def exists(self, key: str) -> bool:
        return self._path(key).exists()

    def delete(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str = "") -> list[str]:
        """Every key that starts with ``prefix``, sorted."""
        paths = (path for path in self._folder.rglob("*") if path.is_file())
        keys = (os.fspath(path.relative_to(self._folder)) for path in paths)
        return sorted(key for key in keys if key.startswith(prefix))

    def _path(self, key: str) -> Path:
        if self.away:
            raise Unavailable("the object store did not answer")
        return self._folder / key
