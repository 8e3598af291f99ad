from __future__ import annotations

import pytest

from laambda.localcloud.exchange import Request
from laambda.localcloud.memory import changes, touched_objects

DELETE = b"<Delete><Object><Key>a</Key></Object><Object><Key>b &amp; c</Key></Object></Delete>"


def request(service: str, method: str, target: str, body: bytes = b"", action: str = "") -> Request:
    headers = {"authorization": f"AWS4-HMAC-SHA256 Credential=k/20260101/eu-west-1/{service}/aws4_request, x"}
    if action:
        headers["x-amz-target"] = action
    return Request(method, target, headers, body)


@pytest.mark.parametrize(
    ("given", "changing"),
    [
        (request("s3", "GET", "/b/k"), False),
        (request("s3", "PUT", "/b/k"), True),
        (request("s3", "PUT", "/b"), True),
        (request("s3", "POST", "/b/k?uploads"), False),
        (request("s3", "PUT", "/b/k?partNumber=1&uploadId=u"), False),
        (request("s3", "DELETE", "/b/k?uploadId=u"), False),
        (request("s3", "POST", "/b/k?uploadId=u"), True),
        (request("kms", "POST", "/", action="TrentService.CreateKey"), True),
        (request("kms", "POST", "/", action="TrentService.GenerateDataKey"), False),
        (request("kms", "POST", "/", action="TrentService.Decrypt"), False),
        (request("logs", "POST", "/", action="Logs_20140328.PutLogEvents"), False),
        (request("logs", "POST", "/", action="Logs_20140328.PutRetentionPolicy"), True),
        (request("iam", "POST", "/", b"Action=CreateRole&RoleName=r"), True),
        (request("iam", "POST", "/", b"Action=GetRole&RoleName=r"), False),
        (request("sts", "POST", "/", b"Action=AssumeRole"), False),
    ],
)
def test_only_what_changes_something_is_remembered(given: Request, changing: bool) -> None:
    assert changes(given) is changing


@pytest.mark.parametrize(
    ("given", "touched"),
    [
        (request("s3", "PUT", "/b/a%20b/%C3%BC?x-id=PutObject"), ("b", ["a b/ü"])),
        (request("s3", "POST", "/b?delete", DELETE), ("b", ["a", "b & c"])),
        (request("s3", "PUT", "/b?versioning"), None),
        (request("iam", "POST", "/"), None),
    ],
)
def test_the_keys_of_a_change_are_known(given: Request, touched: tuple[str, list[str]] | None) -> None:
    assert touched_objects(given) == touched


def test_a_request_tells_what_it_was_signed_for() -> None:
    assert request("lambda", "GET", "/").scope() == ("eu-west-1", "lambda")
    presigned = Request("GET", "/b/k?X-Amz-Credential=k%2F20260101%2Feu-west-1%2Fs3%2Faws4_request", {})
    assert presigned.scope() == ("eu-west-1", "s3")
    assert Request("GET", "/", {}).scope() == ("us-east-1", "s3")
