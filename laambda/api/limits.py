"""How much a request may send: bodies are counted as they come, whatever their headers say."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from laambda.api.problems import too_large
from laambda.apps.invoke import PAYLOAD_LIMIT

BODY_LIMIT = 256 * 1024
"""Bytes; a config change is the largest ordinary body, and Lambda takes 4 KB of those."""


class BodyLimit:
    """ASGI middleware: 413 as soon as a body passes its limit, before anything is parsed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = PAYLOAD_LIMIT if scope["path"].endswith("/invoke") else BODY_LIMIT
        if _declared(scope) > limit:
            await too_large(limit)(scope, receive, send)
            return
        got = 0

        async def counted() -> Message:
            nonlocal got
            message = await receive()
            got += len(message.get("body", b""))
            if got > limit:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        await self._app(scope, counted, send)


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0
