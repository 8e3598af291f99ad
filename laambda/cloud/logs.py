"""What functions wrote, from CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from laambda.cloud.aws_errors import translated
from laambda.cloud.clients import Clients
from laambda.domain.log import LogLine
from laambda.errors import NotFound

_PAGE = 10_000
"""Events a request: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""


class CloudWatchLogs:
    """Implements ``ports.FunctionLogs``."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def lines(self, function: str, *, since: datetime, limit: int) -> Sequence[LogLine]:
        """Pages may be empty although more follow; they end where there is no token."""
        found: list[LogLine] = []
        page: dict[str, Any] = {}
        try:
            while len(found) < limit:
                with translated(f"FilterLogEvents {function}"):
                    answer = self._clients.logs.filter_log_events(
                        logGroupName=f"/aws/lambda/{function}",
                        startTime=int(since.timestamp() * 1000),
                        limit=min(limit - len(found), _PAGE),
                        **page,
                    )
                found += [_line(function, event) for event in answer["events"]]
                if not answer.get("nextToken"):
                    break
                page = {"nextToken": answer["nextToken"]}
        except NotFound:
            return []
        return sorted(found, key=lambda line: line.at)[:limit]


def _line(function: str, event: Any) -> LogLine:
    return LogLine(
        at=datetime.fromtimestamp(event["timestamp"] / 1000, UTC),
        function=function,
        process="",
        stream=event["logStreamName"],
        message=event["message"].rstrip("\n"),
        id=event["eventId"],
    )
