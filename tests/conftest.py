"""What all tests share: real brokers, databases and clouds, each a private process of its own."""

from __future__ import annotations

from importlib.util import find_spec

pytest_plugins = [
    name
    for name in ("tests.broker_fixture", "tests.cloud_fixture", "tests.postgres_fixture", "tests.web_fixture")
    if find_spec(name) is not None
]
