"""One farm for the tests that only use it, and all of them on one test process: they share it one after another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.farm import App, Farm, running_farm

_FOLDER = Path(__file__).parent
_names = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A farm takes seconds to start and a core to run."""
    for item in items:
        if _FOLDER in item.path.parents and "farm" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("farm"))


@pytest.fixture(scope="session")
def farm() -> Iterator[Farm]:
    """``laambda up`` on the embedded profile."""
    with running_farm() as running:
        yield running


@pytest.fixture
def app(farm: Farm) -> App:
    """A new app with an empty working copy."""
    return farm.app(f"app{next(_names)}")
