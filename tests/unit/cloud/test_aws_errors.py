"""AWS's refusals in laambda's words, without what must not be said."""

from __future__ import annotations

import traceback

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError, ReadTimeoutError

from laambda.cloud.aws_errors import translate, translated
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

SECRETS = ("hunter22", 'quo"ted')


def refusal(code: str, status: int = 400, message: str = "AWS's words.") -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "UpdateAlias",
    )


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refusal("ResourceConflictException", 409), Conflict),
        (refusal("PreconditionFailedException", 412), PreconditionLost),
        (refusal("ResourceNotFoundException", 404), NotFound),
        (refusal("TooManyRequestsException", 429), Unavailable),
        (refusal("ThrottlingException"), Unavailable),
        (refusal("ServiceException", 500), Unavailable),
        (refusal("SomethingNew", 503), Unavailable),
        (refusal("InvalidParameterValueException"), InvalidInput),
        (refusal("SomethingNew"), InvalidInput),
        (refusal("AccessDeniedException", 403), NotAllowed),
        (refusal("InvalidSignatureException", 403), PlatformError),
        (ReadTimeoutError(endpoint_url="http://aws"), Unavailable),
        (EndpointConnectionError(endpoint_url="http://aws"), Unavailable),
        (ParamValidationError(report="bad"), InvalidInput),
    ],
)
def test_each_refusal_becomes_one_kind(error: ClientError, kind: type[LaambdaError]) -> None:
    assert type(translate(error, "UpdateAlias api-web")) is kind


def test_the_message_names_the_call_and_says_aws_own_words() -> None:
    error = translate(refusal("InvalidParameterValueException", message="No such\nsubnet."), "CreateFunction api-web")
    assert error.message == "AWS refused CreateFunction api-web: No such subnet"


@pytest.mark.parametrize(
    "message",
    ['exceeded the 4KB limit. String measured: {"KEY":"hunter22"}', "Value 'hunter22' is bad", 'a "quo\\"ted" value'],
)
def test_no_value_of_a_config_var_is_repeated_or_chained(message: str) -> None:
    def refused() -> None:
        with translated("CreateFunction api-web", SECRETS):
            raise refusal("InvalidParameterValueException", message=message)

    with pytest.raises(InvalidInput) as caught:
        refused()
    shown = "".join(traceback.format_exception(caught.value))
    assert "hunter22" not in shown
    assert "quo" not in caught.value.message
