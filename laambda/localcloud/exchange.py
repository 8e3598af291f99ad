"""A request and its answer, as the parts of the local cloud hand them to each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from laambda.localcloud.refusal import RefusedError


@dataclass(frozen=True)
class Request:
    """``target`` is path and query as they stood on the request line; names of ``headers`` are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        """Still percent-encoded."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The first value of each parameter."""
        return {name: values[0] for name, values in self.parameters().items()}

    def parameters(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def access_key(self) -> str:
        """The access key id that the caller signed with; empty when nothing is signed."""
        return self._credential()[0]

    def scope(self) -> tuple[str, str]:
        """Region and service that the caller signed for, ``("us-east-1", "s3")`` when nothing is signed.

        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-signing-elements.html
        """
        parts = self._credential()
        return (parts[-3], parts[-2]) if len(parts) >= 5 else ("us-east-1", "s3")

    def _credential(self) -> list[str]:
        signed = self.headers.get("authorization", "").partition("Credential=")[2].partition(",")[0]
        return (signed or self.query.get("X-Amz-Credential", "")).split("/")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object, an empty one when there is no body."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as error:
            raise RefusedError("InvalidRequestContentException", f"Could not parse request body: {error}") from error
        if not isinstance(value, dict):
            raise RefusedError("InvalidRequestContentException", "The request body must be a JSON object")
        return value


@dataclass(frozen=True)
class Answer:
    """What goes back. Content-Length is added where the answer is written."""

    status: int
    body: bytes = b""
    headers: Iterable[tuple[str, str]] = field(default_factory=tuple)


def answer_json(status: int, value: object) -> Answer:
    """An answer of Lambda's REST-JSON protocol."""
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"),))


def answer_refusal(refusal: RefusedError) -> Answer:
    """A refusal as botocore reads one: the name in a header, the text in ``message``."""
    body = json.dumps({"Type": "User", "Message": refusal.message, "message": refusal.message})
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", refusal.code))
    return Answer(refusal.status, body.encode(), headers)
