"""Running a function of an app by its process name."""

from __future__ import annotations

from laambda.apps.read import live_function
from laambda.domain.function import Invocation
from laambda.domain.names import Scope
from laambda.errors import InvalidInput
from laambda.ports import Services

PAYLOAD_LIMIT = 6 * 1024 * 1024
"""Bytes of a synchronous request: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""


def invoke(services: Services, scope: Scope, process: str, payload: bytes) -> Invocation:
    """Call what is live and wait for its answer; an error of the function is in the answer, not raised."""
    if len(payload) > PAYLOAD_LIMIT:
        raise InvalidInput(f"the event has {len(payload)} bytes, Lambda takes {PAYLOAD_LIMIT}")
    with services.database.read() as tx:
        app = tx.apps.get(scope)
        function = live_function(tx, app, process)
        target = tx.apps.environment(scope.environment).target
    return services.cloud(target).invoker.invoke(function.name, payload or b"{}")
