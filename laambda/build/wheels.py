"""The wheel store: every wheel once per node, under its SHA-256, checked before it gets its name.

A file of the right size that is there is good: it was written under another name, its hash compared, its insides
proved (``wheelfile.check``), then renamed; only a crash of the machine can leave a shorter one. Any number of
processes may do so at once; the last rename wins with the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import unquote, urlsplit

from laambda.build import wheelfile
from laambda.build.indexes import Indexes
from laambda.build.limits import UNPACKED_LIMIT
from laambda.build.lock import LockedWheel
from laambda.errors import BuildFailed, PlatformError, Unavailable

if TYPE_CHECKING:
    import httpx

PARALLEL = 8
ATTEMPTS = 4
TIMEOUT = 30.0
"""Seconds without a byte."""
_CHUNK = 256 * 1024


class WheelGone(BuildFailed):
    """The index does not have a locked wheel any more."""


@dataclass(frozen=True)
class Fetched:
    """What had to be fetched: number of wheels, and their bytes."""

    count: int
    size: int


def wheel_path(cache: Path, sha256: str) -> Path:
    """Where the store keeps the wheel."""
    return cache / "wheels" / sha256


def fetch(
    wheels: Sequence[LockedWheel], indexes: Indexes, cache: Path, *, pause: Callable[[float], None] = time.sleep
) -> Fetched:
    """Bring all of ``wheels`` into the store, several at a time, largest first.

    ``pause`` waits the given seconds between attempts. Raises BadWheel, WheelGone, Unavailable.
    """
    by_hash = {wheel.sha256: wheel for wheel in wheels}
    absent = [wheel for sha256, wheel in by_hash.items() if not _is_there(wheel, wheel_path(cache, sha256))]
    if not absent:
        return Fetched(0, 0)
    (cache / "wheels").mkdir(parents=True, exist_ok=True)
    absent.sort(key=lambda wheel: (-wheel.size, wheel.filename))
    with _client(indexes) as client, ThreadPoolExecutor(PARALLEL, "wheel") as pool:
        jobs = [pool.submit(_Download(wheel, indexes, cache, client, pause).run) for wheel in absent]
        try:
            sizes = [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Fetched(len(sizes), sum(sizes))


def _is_there(wheel: LockedWheel, path: Path) -> bool:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    return size == wheel.size if wheel.size else size > 0


@contextmanager
def _client(indexes: Indexes) -> Iterator[httpx.Client]:
    """A pooled client; each hop of a redirect must pass the same rule as the first address."""
    import httpx  # a build that finds its wheels never needs it

    def check(request: httpx.Request) -> None:
        indexes.check_wheel(str(request.url), "A wheel")

    limits = httpx.Limits(max_connections=PARALLEL, max_keepalive_connections=PARALLEL)
    with httpx.Client(
        timeout=TIMEOUT, limits=limits, follow_redirects=True, max_redirects=5, event_hooks={"request": [check]}
    ) as client:
        yield client


class _Download:
    """One wheel on its way into the store; it goes on where a cut connection stopped, if the server lets it."""

    def __init__(
        self, wheel: LockedWheel, indexes: Indexes, cache: Path, client: httpx.Client, pause: Callable[[float], None]
    ) -> None:
        self.wheel, self.indexes, self.client, self.pause = wheel, indexes, client, pause
        self.final = wheel_path(cache, wheel.sha256)
        self.hash = hashlib.sha256()
        self.done = 0

    def run(self) -> int:
        """Fetch, check, rename; gives the bytes."""
        self.indexes.check_wheel(self.wheel.url, self.wheel.filename)
        descriptor, name = tempfile.mkstemp(dir=self.final.parent, prefix=".")
        part = Path(name)
        try:
            with os.fdopen(descriptor, "w+b") as file:
                self._fill(file)
                file.flush()
                self._check(file)
            part.chmod(0o644)
            part.replace(self.final)
        except OSError as error:
            raise PlatformError(f"The wheel store could not be written: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)
        return self.done

    def _fill(self, file: BinaryIO) -> None:
        if self.wheel.url.startswith("file:"):
            self._copy(file)
            return
        import httpx

        for attempt in range(ATTEMPTS):
            if attempt:
                self.pause(0.3 * 2**attempt * (1 + random.random()))  # noqa: S311 - jitter
            try:
                self._request(file)
                return
            except httpx.HTTPError as error:
                failure = Unavailable(f"The package index cut off {self.wheel.filename} ({type(error).__name__})")
            except Unavailable as error:
                failure = error
        raise failure

    def _copy(self, file: BinaryIO) -> None:
        try:
            with Path(unquote(urlsplit(self.wheel.url).path)).open("rb") as source:
                while chunk := source.read(_CHUNK):
                    self._take(chunk, file)
        except FileNotFoundError:
            raise WheelGone(f"{self.wheel.filename} is not where its index says", hint="Push again") from None

    def _request(self, file: BinaryIO) -> None:
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={self.done}-"} if self.done else {})
        credentials = self.indexes.credentials(self.wheel.url)
        with self.client.stream("GET", self.wheel.url, headers=headers, auth=credentials) as answer:
            if self.done and answer.status_code != 206:
                self._restart(file)
            if answer.status_code in (404, 410):
                raise WheelGone(
                    f"{self.wheel.filename} is not on the package index any more", hint="Choose another version"
                )
            if answer.status_code not in (200, 206):
                raise Unavailable(f"The package index answered {answer.status_code} for {self.wheel.filename}")
            for chunk in answer.iter_raw():
                self._take(chunk, file)

    def _restart(self, file: BinaryIO) -> None:
        file.seek(0)
        file.truncate()
        self.hash, self.done = hashlib.sha256(), 0

    def _take(self, chunk: bytes, file: BinaryIO) -> None:
        self.done += len(chunk)
        if self.done > (self.wheel.size or UNPACKED_LIMIT):
            raise BuildFailed(f"{self.wheel.filename} is larger than its index says or than Lambda takes")
        self.hash.update(chunk)
        file.write(chunk)

    def _check(self, file: BinaryIO) -> None:
        if self.hash.hexdigest() != self.wheel.sha256:
            raise Unavailable(f"The package index gave other bytes for {self.wheel.filename} than its hash promises")
        wheelfile.check(file.fileno(), self.wheel.filename)
