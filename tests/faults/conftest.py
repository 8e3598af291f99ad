"""A farm whose parts are killed: short leases, and builds that last as long as a test wants."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.farm import App, Farm, Result, running_farm, tiny
from tests.faults.slow_index import SlowIndex

LEASE = 3
_FOLDER = Path(__file__).parent
_names = count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """They share a farm, and all of them take longer than the fast suite may."""
    for item in items:
        if _FOLDER in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("faults"))
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def index() -> Iterator[SlowIndex]:
    with SlowIndex().serving() as serving:
        yield serving


@pytest.fixture(scope="session")
def farm(index: SlowIndex) -> Iterator[Farm]:
    with running_farm(**settings(index)) as running:
        yield running


def settings(index: SlowIndex) -> dict[str, str]:
    """Leases of three seconds, and packages from ``index`` alone."""
    return {"LAAMBDA_LEASE": str(LEASE), "LAAMBDA_RESEND": "3", "UV_DEFAULT_INDEX": index.url}


@dataclass
class SlowPush:
    """A push that stands in the middle of its build until the index answers."""

    app: App
    index: SlowIndex
    _results: list[Result] = field(default_factory=list)

    def start(self, answer: str = "one") -> None:
        """Push, and come back when the build waits for the index."""
        self.commit(answer)
        self.send()
        self.index.wait_asked()

    def commit(self, answer: str = "one") -> None:
        """Commit an app that needs a package nobody asked for yet; from now on the index does not answer."""
        package = f"slow-{next(_names)}"
        self.app.commit(tiny(answer, **{"requirements.txt": f"{package}==1\n"}))
        self.index.hold()

    def send(self, refs: str = "main") -> None:
        """Push what is committed, in the background."""
        self._thread = threading.Thread(target=lambda: self._results.append(self.app.push(refs)))
        self._thread.start()

    def end(self) -> Result:
        """Let the index answer; gives what git said."""
        self.index.release()
        return self.result()

    def result(self) -> Result:
        """What git said, once it ends."""
        self._thread.join(90)
        assert self._results, f"git push does not end:\n{self.app.farm.log[-3000:]}"
        return self._results[0]


@pytest.fixture
def push(farm: Farm, index: SlowIndex) -> Iterator[SlowPush]:
    """A push of a new app."""
    yield SlowPush(farm.app(f"app{next(_names)}"), index)
    index.release()
