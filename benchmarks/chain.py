"""What seven links cost: Celery's own part, and with the row's transactions around each."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from celery import Celery, chain, signature

from benchmarks.report import times
from laambda.bootstrap import redis_url
from laambda.cloud.queue import sender
from tests.farm import App, Farm

LINKS = 7
QUEUE = "bench"
_DONE = "bench:done"
_URL = "BENCH_BROKER"


def celery_alone(farm: Farm, count: int) -> None:
    """Seven empty tasks, sent as a chain to one worker with the farm's own settings."""
    broker = farm.environment["LAAMBDA_BROKER_URL"] if "LAAMBDA_BROKER_URL" in farm.environment else _socket(farm)
    client = redis.Redis.from_url(redis_url(broker))
    sending = sender(broker)
    argv = [sys.executable, "-m", "celery", "-A", "benchmarks.chain:worker_app", "--quiet", "worker"]
    argv += ["-Q", QUEUE, "-c", "1", "--without-gossip", "--without-mingle", "-l", "ERROR"]
    environment = {**os.environ, _URL: broker}
    worker = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _once(sending, client, patience=30)
        times(f"Celery alone, {LINKS} empty links", [_once(sending, client, patience=10) for _ in range(count)])
    finally:
        worker.terminate()
        worker.wait(20)


def with_rows(farm: Farm, app: App) -> None:
    """From row to end beyond the steps' own work: dispatch, claim, leases, checkpoints, hops, record."""
    overhead = []
    for build in farm.client.builds(app.name, limit=30):
        if len(build["timings"]) == LINKS - 1 and build["ended_at"]:
            whole = datetime.fromisoformat(build["ended_at"]) - datetime.fromisoformat(build["created_at"])
            overhead.append(whole.total_seconds() - sum(build["timings"].values()))
    times("with the rows' transactions", overhead)


def _once(sending: Celery, client: redis.Redis, *, patience: int) -> float:
    links = [
        signature("bench.link", args=(number,), app=sending, immutable=True, queue=QUEUE) for number in range(LINKS)
    ]
    started = time.perf_counter()
    chain(*links, app=sending).apply_async()
    if client.blpop([_DONE], timeout=patience) is None:
        raise TimeoutError("the chain did not end")
    return time.perf_counter() - started


def _socket(farm: Farm) -> str:
    found = next(Path(farm.environment["LAAMBDA_RUN_DIR"]).glob("broker.sock"))
    return f"redis+socket://{found}"


def _worker() -> Celery:
    """The application of the worker process that ``celery_alone`` starts."""
    broker = os.environ.get(_URL, "memory://")
    app = Celery("bench", broker=broker, set_as_current=False)
    settings: Mapping[str, Any] = {
        "task_ignore_result": True,
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        "broker_transport_options": {"queue_order_strategy": "priority"},
    }
    app.conf.update(settings)

    def link(number: int) -> None:
        if number == LINKS - 1:
            redis.Redis.from_url(redis_url(broker)).rpush(_DONE, "1")

    app.task(link, name="bench.link")
    return app


worker_app = _worker()
