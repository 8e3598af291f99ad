"""What AWS and its SDK raise, in laambda's words: the one table.

https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's name
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ResponseStreamingError,
)

from laambda.errors import (
    Conflict,
    InvalidInput,
    LaambdaError,
    NotAllowed,
    NotFound,
    PlatformError,
    PreconditionLost,
    Unavailable,
)

KINDS: dict[str, type[LaambdaError]] = {
    "ResourceConflictException": Conflict,
    "PreconditionFailedException": PreconditionLost,
    "PreconditionFailed": PreconditionLost,
    "ResourceNotFoundException": NotFound,
    "NoSuchKey": NotFound,
    "NoSuchBucket": NotFound,
    "404": NotFound,
    "TooManyRequestsException": Unavailable,
    "ThrottlingException": Unavailable,
    "Throttling": Unavailable,
    "RequestLimitExceeded": Unavailable,
    "SlowDown": Unavailable,
    "RequestTimeout": Unavailable,
    "RequestTimeoutException": Unavailable,
    "OperationAborted": Unavailable,
    "ExpiredToken": Unavailable,
    "ExpiredTokenException": Unavailable,
    "InvalidRuntimeException": InvalidInput,
    "InvalidZipFileException": InvalidInput,
    "AccessDenied": NotAllowed,
    "AccessDeniedException": NotAllowed,
    "403": NotAllowed,
    "InvalidClientTokenId": PlatformError,
    "UnrecognizedClientException": PlatformError,
    "SignatureDoesNotMatch": PlatformError,
    "InvalidSignatureException": PlatformError,
}
"""By AWS's error code; what is not here goes by its HTTP status."""

_STATUSES: dict[int, type[LaambdaError]] = {
    403: NotAllowed,
    404: NotFound,
    409: Conflict,
    412: PreconditionLost,
    429: Unavailable,
}
_TELLING = 4
"""Shorter values, such as 1 or yes, tell nothing, and would cut numbers and words of the message."""
_MEASURED = re.compile(r"\s*String measured:.*", re.DOTALL)


@contextmanager
def translated(doing: str, secrets: Iterable[str] = ()) -> Iterator[None]:
    """Raise errors of the SDK as ours. ``doing`` names call and thing, such as ``GetFunction api-create``.

    AWS quotes config vars in some refusals; with ``secrets`` (their values) the message is cleared of them and the
    SDK's own error is not chained, since a traceback would print it.
    """
    hidden = tuple(secrets)
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if hidden:
            raise translate(error, doing, hidden) from None
        raise translate(error, doing) from error


def translate(error: BotoCoreError | ClientError, doing: str, secrets: Iterable[str] = ()) -> LaambdaError:
    """The error of ours that says what ``error`` says."""
    if isinstance(error, ClientError):
        return _refused(error, doing, secrets)
    if isinstance(error, NoCredentialsError):
        return PlatformError(
            f"AWS {doing}: no credentials", hint="Give the farm an IAM role, or AWS_ACCESS_KEY_ID and its secret"
        )
    if isinstance(error, ConnectionError | HTTPClientError | ResponseStreamingError | IncompleteReadError):
        return Unavailable(f"AWS did not answer {doing} ({type(error).__name__})")
    if isinstance(error, ParamValidationError):
        return InvalidInput(_clear(f"{doing}: {error}", secrets))
    return PlatformError(f"AWS {doing} failed ({type(error).__name__})")


def code_of(error: ClientError) -> str:
    """AWS's name of the error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _refused(error: ClientError, doing: str, secrets: Iterable[str]) -> LaambdaError:
    response: Any = error.response
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    kind = KINDS.get(code_of(error)) or _STATUSES.get(status) or (Unavailable if status >= 500 else InvalidInput)
    words = response.get("Error", {}).get("Message") or code_of(error)
    message = _clear(f"AWS refused {doing}: {words}", secrets)
    if kind is NotAllowed:
        return NotAllowed(message, hint="Allow it in the IAM policy of the farm's role or of the deploy role")
    return kind(message)


def _clear(text: str, secrets: Iterable[str]) -> str:
    """One line without the values; AWS quotes the whole environment, as JSON, where it is too large."""
    text = _MEASURED.sub("", text)
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _TELLING:
            for form in (secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
                text = text.replace(form, "****")
    return " ".join(text.split()).rstrip(".")
