"""boto3 clients of one target: made when first used, once, and shared by all threads.

Making one takes 100 ms or more. Lambda's writes are never retried inside: a retry must read first, and only the
caller knows what. All timeouts are shorter than a lease, so that a call whose answer is lost has ended before
somebody else may take over; invocations, which wait for the customer's code, are the exception.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import boto3
import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

from laambda.cloud.aws_errors import translated
from laambda.domain.app import Target

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT = 3
READ_TIMEOUT = 20
"""Seconds; with the connect timeout well under the lease of 30."""

INVOKE_TIMEOUT = 910
"""Seconds: a function may run for 900."""

_ONCE = {"total_max_attempts": 1, "mode": "standard"}
_AGAIN = {"total_max_attempts": 4, "mode": "standard"}


class Clients:
    """The clients of one account and region."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lock = threading.Lock()
        self._session: boto3.Session | None = None
        self._made: dict[str, Any] = {}

    @property
    def functions(self) -> LambdaClient:
        """Control plane of Lambda, without retries."""
        return cast("LambdaClient", self._client("functions", "lambda", _ONCE, READ_TIMEOUT))

    @property
    def invocations(self) -> LambdaClient:
        """Invoke, without retries: running a function twice is not ours to decide."""
        return cast("LambdaClient", self._client("invocations", "lambda", _ONCE, INVOKE_TIMEOUT))

    @property
    def objects(self) -> S3Client:
        """S3; the same bytes under the same key may be sent twice."""
        return cast("S3Client", self._client("objects", "s3", _AGAIN, READ_TIMEOUT))

    @property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs; only read."""
        return cast("CloudWatchLogsClient", self._client("logs", "logs", _AGAIN, READ_TIMEOUT))

    def _client(self, name: str, service: str, retries: dict[str, Any], read_timeout: int) -> Any:
        """The lock is held while a client is made: sessions are not safe for threads, clients are."""
        with self._lock:
            if name not in self._made:
                config = Config(
                    retries=cast("Any", retries),
                    connect_timeout=CONNECT_TIMEOUT,
                    read_timeout=read_timeout,
                    tcp_keepalive=True,
                    max_pool_connections=16,
                    user_agent_extra="laambda",
                )
                with translated(f"the set-up of {service}"):
                    self._made[name] = self._open().client(cast("Any", service), config=config)
            return self._made[name]

    def _open(self) -> boto3.Session:
        if self._session is None:
            core = botocore.session.get_session()
            if self._target.deploy_role:
                _assume(core, self._target)
            self._session = boto3.Session(botocore_session=core, region_name=self._target.region)
        return self._session


def _assume(core: botocore.session.Session, target: Target) -> None:
    """Act as the target's deploy role; its credentials renew themselves before they end.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=core.create_client,
        source_credentials=core.get_credentials(),
        role_arn=target.deploy_role,
        extra_args={"RoleSessionName": "laambda"},
    )
    renewed = DeferredRefreshableCredentials(refresh_using=fetcher.fetch_credentials, method="assume-role")
    core._credentials = renewed  # type: ignore[attr-defined]  # botocore has no public way
