"""Settings -> Services: the only maker of adapters. Call it after fork, once per process."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from laambda.cloud.budget import Bucket
from laambda.cloud.target import TargetClouds
from laambda.dispatch.limits import FarmLimits
from laambda.domain.app import Target
from laambda.errors import LaambdaError
from laambda.ports import Notifier, Services, Vault
from laambda.settings import Settings, load


@cache
def settings() -> Settings:
    """This process's settings, read once."""
    return load(os.environ)


def limits(settings: Settings) -> FarmLimits:
    """The farm's numbers from the settings."""
    return FarmLimits(
        slots=settings.slots or settings.concurrency,
        lease=settings.lease,
        attempts=settings.attempts,
        resend=settings.resend,
    )


def log_to_stderr() -> None:
    """How every process of the farm logs: one line an event, our own from INFO on, libraries' from WARNING on."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    for ours in ("laambda", "receiver", "workers"):
        logging.getLogger(ours).setLevel(logging.INFO)
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # a stranger's bad packet is no event of ours
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # a burst of pushes outgrows what it keeps


def services(settings: Settings) -> Services:
    """One adapter per port. Opens nothing yet but the database, whose schema it brings up to date."""
    import redis

    from laambda.cloud.output import RedisOutput
    from laambda.cloud.queue import CeleryQueue, sender
    from laambda.store import open_database

    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = open_database(settings.database)
    database.migrate()
    broker = redis.Redis.from_url(
        redis_url(settings.broker), decode_responses=True, socket_connect_timeout=2, socket_timeout=10
    )
    clouds = TargetClouds(bucket=settings.bucket, tokens=_tokens(settings))
    return Services(
        database=database,
        objects=clouds.home_objects,
        vault=_vault(settings),
        queue=CeleryQueue(sender(settings.broker), broker),
        output=RedisOutput(broker),
        cloud=clouds,
        notifier=_notifier(settings),
    )


def warm_up(*calls: Callable[[], object]) -> None:
    """Make harmless calls in a thread: clients, connections and modules are open then before somebody waits for them.

    What fails now is left to the first real call.
    """

    def run() -> None:
        for call in calls:
            with suppress(LaambdaError):
                call()

    threading.Thread(target=run, name="warm up", daemon=True).start()


def redis_url(broker_url: str) -> str:
    """The same place as redis-py spells it: Celery says ``redis+socket://`` where redis-py says ``unix://``."""
    return broker_url.replace("redis+socket://", "unix://", 1)


def _notifier(settings: Settings) -> Notifier | None:
    if not settings.failure_webhook:
        return None
    from laambda.cloud.webhook import Webhook

    return Webhook(settings.failure_webhook)


def _tokens(settings: Settings) -> Callable[[Target], Bucket]:
    """Of each target's request rate, one bucket for the whole farm."""
    from laambda.cloud.shared_budget import SharedBucket, budget_client

    client = budget_client(redis_url(settings.broker))
    return lambda target: SharedBucket(client, f"{target.account}:{target.region}")


def _vault(settings: Settings) -> Vault:
    if settings.kms_key:
        import boto3

        from laambda.cloud.kms import KmsVault

        return KmsVault(lambda: boto3.client("kms"), settings.kms_key)
    from laambda.cloud.keyfile import KeyFileVault

    return KeyFileVault(settings.home / "secrets.key")
