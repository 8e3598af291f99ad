"""A package index of one's own, and a node to build on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.build.wheelhouse import Index, serving
from tests.unit.build.workbench import Workbench


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index on loopback that the operator named."""
    with serving() as started:
        monkeypatch.setenv("UV_DEFAULT_INDEX", started.url)
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.delenv("UV_FIND_LINKS", raising=False)
        yield started


@pytest.fixture
def bench(tmp_path: Path) -> Workbench:
    return Workbench(tmp_path / "node")
