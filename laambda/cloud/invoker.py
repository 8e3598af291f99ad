"""Running functions through their ``live`` alias.

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64

from laambda.cloud.aws_errors import translated
from laambda.cloud.clients import Clients
from laambda.domain.function import LIVE_ALIAS, Invocation


class LambdaInvoker:
    """Implements ``ports.Invoker``."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def invoke(self, function: str, payload: bytes) -> Invocation:
        """Wait for the answer; a failing handler is an answer with ``error``."""
        with translated(f"Invoke {function}"):
            answer = self._clients.invocations.invoke(
                FunctionName=function, Qualifier=LIVE_ALIAS, LogType="Tail", Payload=payload
            )
            body = answer["Payload"].read()
        return Invocation(
            payload=body,
            error=answer.get("FunctionError", ""),
            log_tail=base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
            executed_version=answer.get("ExecutedVersion", ""),
        )
