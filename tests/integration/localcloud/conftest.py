"""The bench over the session's local cloud."""

from __future__ import annotations

import pytest

from tests.cloud_bench import Bench
from tests.cloud_fixture import RunningCloud


@pytest.fixture(scope="session")
def bench(local_cloud: RunningCloud) -> Bench:
    return Bench(local_cloud)
