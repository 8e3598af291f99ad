"""Where packages come from: what the operator set in the environment, as uv reads it.

uv runs with nothing else of our environment, so no secret of the farm is near it. What a pushed file names is
bounded by ``requirements.check_index``; what the operator names is trusted.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from laambda.errors import BuildFailed

_PASSED = frozenset(
    """PATH SSL_CERT_FILE SSL_CERT_DIR HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY http_proxy https_proxy all_proxy
    no_proxy UV_DEFAULT_INDEX UV_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS UV_SYSTEM_CERTS UV_NATIVE_TLS
    UV_HTTP_TIMEOUT UV_HTTP_RETRIES UV_EXCLUDE_NEWER""".split()
)
_PLACES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_CHOICES = (*_PLACES, "UV_INDEX_STRATEGY", "UV_EXCLUDE_NEWER")
_CREDENTIALS = re.compile(r"://[^/\s@]*@")


@dataclass(frozen=True)
class Indexes:
    """``environment`` is all that uv gets to see of ours."""

    environment: Mapping[str, str]

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> Indexes:
        """Keep what uv needs: indexes, proxies, certificates."""
        return cls({name: value for name, value in environ.items() if name in _PASSED or name.startswith("UV_INDEX_")})

    def digest(self) -> str:
        """Hex SHA-256 of what decides a resolution; passwords are not part of it."""
        parts = [f"{name}={_CREDENTIALS.sub('://', self.environment.get(name, ''))}" for name in _CHOICES]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def check_wheel(self, url: str, label: str) -> None:
        """Raise BuildFailed unless ``url`` is HTTPS, or a place that the operator named."""
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and parts.netloc in self._hosts()):
            return
        if parts.scheme == "file" and any(_path(url).is_relative_to(folder) for folder in self._folders()):
            return
        raise BuildFailed(f"{label} would come from {scrub(url)[:120]}, which is not an https:// address")

    def credentials(self, url: str) -> tuple[str, str] | None:
        """User and password for ``url``, where the operator put them into the address of an index there."""
        wanted = urlsplit(url)
        for place in self._urls():
            parts = urlsplit(place)
            if parts.username and (parts.scheme, parts.hostname, parts.port) == (
                wanted.scheme,
                wanted.hostname,
                wanted.port,
            ):
                return unquote(parts.username), unquote(parts.password or "")
        return None

    def _urls(self) -> list[str]:
        places = " ".join(self.environment.get(name, "") for name in _PLACES).replace(",", " ").split()
        return [place.partition("=")[2] if re.match(r"[\w.-]+=", place) else place for place in places]

    def _hosts(self) -> set[str]:
        return {urlsplit(url).netloc.rpartition("@")[2] for url in self._urls()}

    def _folders(self) -> list[Path]:
        """Local folders of find-links and of file:// indexes."""
        places = [_path(url) if url.startswith("file:") else Path(url) for url in self._urls() if _local(url)]
        return [Path(os.path.abspath(place)) for place in places]  # noqa: PTH100 - resolve() would follow links


def scrub(text: str) -> str:
    """``text`` without user names and passwords of URLs."""
    return _CREDENTIALS.sub("://***@", text)


def _local(url: str) -> bool:
    return url.startswith("file:") or "://" not in url


def _path(url: str) -> Path:
    return Path(os.path.abspath(unquote(urlsplit(url).path)))  # noqa: PTH100 - ".." must be gone, links may stay
