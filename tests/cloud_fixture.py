"""A local cloud for tests: a process of its own on a free port, its state in a temporary folder."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from laambda.lifeline import die_with_parent

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION}


@dataclass(frozen=True)
class RunningCloud:
    """A started local cloud. ``process`` is its main process, for tests that end it."""

    url: str
    process: subprocess.Popen[str]
    _clients: list[Any] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to find this cloud through boto3's own settings."""
        return {**CREDENTIALS, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": self.url}

    def client(self, service: str, **config: Any) -> Any:
        """A boto3 client of ``service``, closed with the cloud; ``config`` goes to botocore's Config."""
        settings = {"retries": {"max_attempts": 0}, "s3": {"addressing_style": "path"}, **config}
        client = boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(**settings),
        )
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients:
            client.close()


@contextmanager
def running_cloud(home: Path, *, settle: int = 5, access_key: str = "") -> Iterator[RunningCloud]:
    """Run a local cloud on ``home``; its functions settle after that many milliseconds, and it is private
    to ``access_key`` where one is given."""
    command = [sys.executable, "-m", "laambda.localcloud", "--port", "0", "--home", str(home)]
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    if access_key:
        command.append("--private")
        environment["AWS_ACCESS_KEY_ID"] = access_key
    process = subprocess.Popen(
        [*command, "--settle", str(settle)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - async-signal-safe
    )
    with process:
        try:
            cloud = RunningCloud(_address(process), process)
            yield cloud
            cloud.close()
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """One local cloud for all tests of a worker: ``.url``, ``.environment`` and ``.client(service)``."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 30)
    line = process.stdout.readline() if ready else ""
    if not line.startswith("local cloud listening on "):
        process.kill()
        raise RuntimeError(f"the local cloud did not start: {line!r}")
    return line.split()[-1]
