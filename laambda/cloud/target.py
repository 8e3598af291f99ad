"""The adapters of a target, made once per process and target."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from laambda.cloud.aliases import LambdaAliases
from laambda.cloud.budget import Bucket, Budget, LocalBucket
from laambda.cloud.clients import Clients
from laambda.cloud.functions import LambdaFunctions
from laambda.cloud.invoker import LambdaInvoker
from laambda.cloud.logs import CloudWatchLogs
from laambda.cloud.s3 import S3Objects
from laambda.domain.app import Target
from laambda.ports import ObjectStore, TargetCloud

HOME = Target()
"""The farm's own account and region: sources, packs and outputs are there."""


def target_cloud(target: Target, *, bucket: str, tokens: Bucket | None = None) -> TargetCloud:
    """The adapters that act in ``target``. Nothing is opened yet. Slugs are in a bucket of the same region: Lambda
    takes code from no other. ``tokens`` are those of Lambda's request rate, by default this process's alone."""
    clients = Clients(target)
    tokens = tokens or LocalBucket()
    functions, aliases = _lambda(clients, Budget(tokens))
    cloud = TargetCloud(
        functions=functions,
        aliases=aliases,
        invoker=LambdaInvoker(clients),
        logs=CloudWatchLogs(clients),
        artifacts=S3Objects(lambda: clients.objects, regional(bucket, target.region)),
    )
    functions, aliases = _lambda(clients, Budget(tokens, first=True))
    return replace(cloud, first=replace(cloud, functions=functions, aliases=aliases))


def _lambda(clients: Clients, budget: Budget) -> tuple[LambdaFunctions, LambdaAliases]:
    aliases = LambdaAliases(clients, budget)
    return LambdaFunctions(clients, aliases, budget), aliases


def regional(bucket: str, region: str) -> str:
    """Bucket names are unique in the world, so that each region needs its own."""
    return bucket if region == HOME.region else f"{bucket}-{region}"


class TargetClouds:
    """Targets to their adapters; each is made once. Fits ``Services.cloud``."""

    def __init__(self, *, bucket: str, tokens: Callable[[Target], Bucket] = lambda _: LocalBucket()) -> None:
        self._bucket = bucket
        self._tokens = tokens
        self._lock = threading.Lock()
        self._made: dict[Target, TargetCloud] = {}

    def __call__(self, target: Target) -> TargetCloud:
        with self._lock:
            if target not in self._made:
                self._made[target] = target_cloud(target, bucket=self._bucket, tokens=self._tokens(target))
            return self._made[target]

    @property
    def home_objects(self) -> ObjectStore:
        """The object store that is not tied to an environment."""
        return self(HOME).artifacts
