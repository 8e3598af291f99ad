"""What Lambda refuses, in its words: https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import PYTHON, ROLE, Bench, refused, zipped

GOOD = {"ZipFile": zipped({"app.py": "handler = print"})}
INVALID = "InvalidParameterValueException"


def huge() -> bytes:
    """A small zip that unpacks to more than 250 MB."""
    body = io.BytesIO()
    deflated = zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
    with deflated as package, package.open("zeros", "w") as member:
        for _ in range(251):
            member.write(bytes(1024 * 1024))
    return body.getvalue()


@pytest.mark.parametrize(
    ("wrong", "code", "message"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, INVALID, "Could not unzip uploaded file. Please check your file"),
        ({"Code": {"ZipFile": zipped({})}}, INVALID, "Uploaded file must be a non-empty zip"),
        ({"Runtime": "python2"}, INVALID, "Value python2 at 'runtime' failed to satisfy constraint"),
        ({"Runtime": "python3.6"}, INVALID, "The runtime parameter of python3.6 is no longer supported"),
        ({"Timeout": 901}, "ValidationException", "Member must have value less than or equal to 900"),
        ({"MemorySize": 10_241}, "ValidationException", "Member must have value less than or equal to 10240"),
        ({"Role": "arn:aws:iam::1:role/x"}, "ValidationException", "at 'role' failed to satisfy constraint"),
        (
            {"Environment": {"Variables": {"LONG": "x" * 4097}}},
            INVALID,
            'exceeded the 4KB limit. String measured: {"LONG":"xxx',
        ),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, INVALID, "contains reserved keys"),
    ],
)
def test_a_function_that_breaks_a_rule_is_not_made(
    bench: Bench, wrong: dict[str, Any], code: str, message: str
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    settings = {"Runtime": PYTHON, "Handler": "app.handler", "Role": ROLE, "Code": GOOD, **wrong}
    with pytest.raises(ClientError) as error:
        bench.functions.create_function(FunctionName="broken", **settings)
    assert refused(error)[0] == code
    assert message in refused(error)[1]
    with pytest.raises(ClientError):
        bench.functions.get_function(FunctionName="broken")


def test_a_package_that_unpacks_to_more_than_250_mb_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    name = bench.deploy()
    with pytest.raises(ClientError) as error:
        bench.functions.update_function_code(FunctionName=name, ZipFile=huge())
    assert refused(error) == (INVALID, "Unzipped size must be smaller than 262144000 bytes")


def test_a_request_that_is_larger_still_is_refused_unread(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    with pytest.raises(ClientError) as error:
        bench.functions.update_function_code(FunctionName="any", ZipFile=bytes(53_000_000))
    assert refused(error) == (
        "RequestEntityTooLargeException",
        "Request must be smaller than 70167211 bytes for the UpdateFunctionCode operation",
    )


def test_a_package_of_fifty_megabytes_goes_through_s3(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    with pytest.raises(ClientError) as error:
        bench.functions.update_function_code(FunctionName=bench.deploy(), ZipFile=bytes(52_428_800))
    assert refused(error) == ("RequestEntityTooLargeException", "Zipped size must be smaller than 52428800 bytes")


def test_code_that_is_not_in_s3_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    name, bucket = bench.deploy(), bench.bucket()
    with pytest.raises(ClientError) as error:
        bench.functions.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="none.zip")
    assert refused(error) == (
        INVALID,
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
    )
    with pytest.raises(ClientError) as error:
        bench.functions.update_function_code(FunctionName=name, S3Bucket="no-such-bucket", S3Key="none.zip")
    assert "S3 Error Code: NoSuchBucket" in refused(error)[1]


def test_a_second_function_of_a_name_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#API_CreateFunction_Errors"""
    name = bench.deploy()
    with pytest.raises(ClientError) as error:
        bench.functions.create_function(FunctionName=name, Runtime=PYTHON, Handler="app.handler", Role=ROLE, Code=GOOD)
    assert refused(error) == ("ResourceConflictException", f"Function already exist: {name}")


def test_a_second_alias_of_a_name_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html#API_CreateAlias_Errors"""
    name = bench.deploy()
    alias = bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    with pytest.raises(ClientError) as error:
        bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    assert refused(error) == ("ResourceConflictException", f"Alias already exists: {alias['AliasArn']}")


def test_an_alias_names_only_versions_that_exist(bench: Bench) -> None:
    name = bench.deploy()
    with pytest.raises(ClientError) as error:
        bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="7")
    assert refused(error)[0] == "ResourceNotFoundException"
    assert refused(error)[1].endswith(f":function:{name}:7")


def test_a_version_that_an_alias_uses_is_not_deleted(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html"""
    name = bench.deploy()
    bench.publish(name)
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(ClientError) as error:
        bench.functions.delete_function(FunctionName=name, Qualifier="1")
    assert refused(error)[0] == "ResourceConflictException"
    bench.functions.delete_alias(FunctionName=name, Name="live")
    bench.functions.delete_function(FunctionName=name, Qualifier="1")
    with pytest.raises(ClientError) as error:
        bench.functions.get_function(FunctionName=name, Qualifier="1")
    assert refused(error)[0] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("qualifier", "message"),
    [
        ("$LATEST", "$LATEST version cannot be deleted without deleting the function."),
        ("live", "Deletion of aliases is not currently supported."),
    ],
)
def test_only_a_version_is_deleted_by_qualifier(bench: Bench, qualifier: str, message: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html"""
    name = bench.deploy()
    with pytest.raises(ClientError) as error:
        bench.functions.delete_function(FunctionName=name, Qualifier=qualifier)
    assert refused(error) == (INVALID, message)
    bench.functions.delete_function(FunctionName=name, Qualifier="99")
    assert bench.settled(name)["Version"] == "$LATEST"


def test_a_published_version_is_not_updated(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"""
    name = bench.deploy()
    version = f"{name}:{bench.publish(name)}"
    with pytest.raises(ClientError) as error:
        bench.functions.update_function_configuration(FunctionName=version, Timeout=5)
    assert refused(error) == (INVALID, "Current operation does not support versions other than $LATEST.")


def test_what_is_not_there_is_not_found(bench: Bench) -> None:
    name = bench.deploy()
    bench.functions.delete_function(FunctionName=name)
    with pytest.raises(ClientError) as error:
        bench.invoke(name)
    assert refused(error)[0] == "ResourceNotFoundException"
    with pytest.raises(ClientError) as error:
        bench.functions.get_alias(FunctionName=bench.deploy(), Name="live")
    assert refused(error)[1].startswith("Cannot find alias arn: ")
    with pytest.raises(ClientError) as error:
        bench.functions.update_alias(FunctionName=bench.deploy(), Name="live", Description="x")
    assert refused(error)[1].startswith("Alias not found: ")


def test_an_event_that_is_no_json_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors"""
    with pytest.raises(ClientError) as error:
        bench.functions.invoke(FunctionName=bench.deploy(), Payload=b"{no json")
    assert refused(error)[0] == "InvalidRequestContentException"


def test_an_event_above_six_megabytes_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    with pytest.raises(ClientError) as error:
        bench.functions.invoke(FunctionName=bench.deploy(), Payload=b'"' + b"x" * 6_291_456 + b'"')
    assert refused(error)[0] == "RequestTooLargeException"


def test_a_call_that_is_not_built_is_refused_by_name(bench: Bench) -> None:
    with pytest.raises(ClientError) as error:
        bench.functions.list_layers()
    assert refused(error) == ("UnknownOperationException", "The local cloud has no Lambda call GET /layers")
