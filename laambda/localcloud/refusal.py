"""How Lambda says no.

A refusal is part of the protocol, not of laambda's error tree: it leaves this package only as an HTTP answer.
Wording follows AWS, because callers tell some conflicts apart by their text. Where AWS's pages give no words, they are
those that AWS answered when LocalStack's tests were recorded against it:
https://github.com/localstack/localstack/blob/main/tests/aws/services/lambda_/test_lambda_api.snapshot.json
"""

from __future__ import annotations

STATUS = {
    "CodeStorageExceededException": 400,
    "InvalidParameterValueException": 400,
    "InvalidRequestContentException": 400,
    "InvalidRuntimeException": 502,
    "PreconditionFailedException": 412,
    "UnrecognizedClientException": 403,
    "RequestEntityTooLargeException": 413,
    "RequestTooLargeException": 413,
    "ResourceConflictException": 409,
    "ResourceNotFoundException": 404,
    "ServiceException": 500,
    "TooManyRequestsException": 429,
    "UnknownOperationException": 404,
    "ValidationException": 400,
}


class RefusedError(Exception):
    """A refused call. ``code`` is AWS's exception name.

    https://docs.aws.amazon.com/lambda/latest/api/CommonErrors.html
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status of the exception, from the errors section of each operation's page."""
        return STATUS[self.code]


def invalid(message: str) -> RefusedError:
    """A parameter that breaks a rule of the service itself."""
    return RefusedError("InvalidParameterValueException", message)


def violated(value: object, field: str, constraint: str) -> RefusedError:
    """A parameter that breaks a rule of the API's model."""
    return RefusedError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{field}' failed to satisfy constraint: {constraint}",
    )


def missing(arn: str) -> RefusedError:
    """No such function or version."""
    return RefusedError("ResourceNotFoundException", f"Function not found: {arn}")


def conflict(message: str) -> RefusedError:
    """The state of the resource forbids the call."""
    return RefusedError("ResourceConflictException", message)


def require_revision(given: str | None, current: str, *, source: str = "GetFunction/GetAlias") -> None:
    """Refuse a call whose RevisionId is not the current one.

    https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html#SSS-UpdateFunctionCode-request-RevisionId
    """
    if given and given != current:
        raise RefusedError(
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. "
            f"Call the {source} API to retrieve the latest Revision Id",
        )
