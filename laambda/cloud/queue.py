"""The doorbell: chains of Celery signatures, sent by name so that no sender imports a task.

Arguments are the build id and nothing else. The label shown by monitors names app, version and build; the token of
a claim travels as a header. A key in the broker tells whether it still has the data that it had.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import kombu.exceptions
import redis
from celery import Celery, chain, signature

from laambda.domain.build import Build, Step, phase_of
from laambda.errors import Unavailable

TOKEN_HEADER = "laambda_token"  # noqa: S105 - the name of a header
_EPOCH = "laambda:epoch"

TRANSPORT: Mapping[str, Any] = {
    "visibility_timeout": 7200,
    "health_check_interval": 5,
    "socket_keepalive": True,
    "queue_order_strategy": "priority",
}
"""Why each: docs/adr/0002-celery-settings.md."""


class CeleryQueue:
    """Implements ``ports.TaskQueue``."""

    def __init__(self, app: Celery, client: redis.Redis) -> None:
        self._app = app
        self._redis = client

    def send(self, build: Build, steps: Sequence[Step], *, queue: str, token: int | None = None) -> None:
        links = [link(self._app, build, step, queue=queue, token=token) for step in steps]
        try:
            chain(*links, app=self._app).apply_async(retry=False)
        except (kombu.exceptions.OperationalError, redis.RedisError, OSError) as error:
            raise Unavailable("the broker did not answer") from error

    def survived(self) -> bool:
        try:
            return not self._redis.set(_EPOCH, "1", nx=True)
        except redis.RedisError:
            return True


def link(app: Celery, build: Build, step: Step, *, queue: str, token: int | None) -> Any:
    """The signature of one link; immutable, so that no result is handed on."""
    return signature(task_name(step), args=(build.id,), app=app, immutable=True, **options(build, queue, token))


def options(build: Build, queue: str, token: int | None) -> dict[str, Any]:
    """Where a link goes and how monitors show it."""
    return {
        "queue": queue,
        "argsrepr": label(build),
        "headers": {} if token is None else {TOKEN_HEADER: token},
    }


def task_name(step: Step) -> str:
    """``laambda.build.extract`` to ``laambda.release.record``."""
    return f"laambda.{'release' if phase_of(step).value == 'deploying' else 'build'}.{step}"


def label(build: Build) -> str:
    """``api v7 (build 12)``, or ``api (build 12)`` before a version is taken."""
    version = f" v{build.version}" if build.version else ""
    return f"{build.scope}{version} (build {build.id})"


def sender(broker_url: str) -> Celery:
    """A Celery app that only sends."""
    app = Celery("laambda", broker=broker_url, set_as_current=False)
    app.conf.update(
        broker_transport_options=dict(TRANSPORT),
        broker_connection_retry=False,
        broker_connection_timeout=2,
        task_ignore_result=True,
        task_send_sent_event=True,
    )
    return app
