"""Functions and versions as a deploy uses them: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html"""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import ECHO, PYTHON, ROLE, Bench, refused, zipped

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ministack")]

ONE, TWO = (zipped({"app.py": f"def handler(event, context):\n    return {n}\n"}) for n in (1, 2))
WRONG = "00000000-0000-0000-0000-000000000000"
CHANGES: dict[str, dict[str, Any]] = {
    "update_function_code": {"ZipFile": TWO},
    "update_function_configuration": {"Timeout": 5},
    "publish_version": {},
}
INVALID = "InvalidParameterValueException"


def sha256(package: bytes) -> str:
    return base64.b64encode(hashlib.sha256(package).digest()).decode()


def attempt(bench: Bench, operation: str, **arguments: Any) -> tuple[str, str]:
    """How a call is refused."""
    with pytest.raises(ClientError) as error:
        getattr(bench.functions, operation)(**arguments)
    return refused(error)


def test_a_function_reads_as_it_was_made(bench: Bench) -> None:
    name = bench.deploy(Code={"ZipFile": ONE}, MemorySize=256, Environment={"Variables": {"STAGE": "blue"}})
    read = bench.settled(name)
    assert (read["Runtime"], read["Handler"], read["Role"]) == (PYTHON, "app.handler", ROLE)
    assert (read["Timeout"], read["MemorySize"], read["Architectures"]) == (10, 256, ["x86_64"])
    assert read["Environment"] == {"Variables": {"STAGE": "blue"}}
    assert (read["CodeSha256"], read["CodeSize"], read["Version"]) == (sha256(ONE), len(ONE), "$LATEST")
    assert f":function:{name}" in read["FunctionArn"]


def test_a_function_is_made_from_an_object(bench: Bench) -> None:
    bucket = bench.bucket()
    bench.objects.put_object(Bucket=bucket, Key="slugs/one.zip", Body=ONE)
    name = bench.deploy(Code={"S3Bucket": bucket, "S3Key": "slugs/one.zip"})
    bench.objects.put_object(Bucket=bucket, Key="slugs/two.zip", Body=TWO)
    bench.functions.update_function_code(FunctionName=name, S3Bucket=bucket, S3Key="slugs/two.zip")
    assert bench.settled(name)["CodeSha256"] == sha256(TWO)


def test_code_that_is_not_there_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    name, bucket = bench.deploy(), bench.bucket()
    assert attempt(bench, "update_function_code", FunctionName=name, S3Bucket=bucket, S3Key="none.zip")[0] == INVALID


def test_a_package_that_is_no_zip_is_refused(bench: Bench) -> None:
    name = bench.deploy()
    code, message = attempt(bench, "update_function_code", FunctionName=name, ZipFile=b"no zip")
    assert (code, message.startswith("Could not unzip uploaded file.")) == (INVALID, True)


def test_an_environment_above_four_kilobytes_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    name = bench.deploy()
    large = {"Variables": {"LONG": "x" * 4096}}
    assert attempt(bench, "update_function_configuration", FunctionName=name, Environment=large)[0] == INVALID


def test_a_runtime_that_does_not_exist_is_refused(bench: Bench) -> None:
    settings = {"Runtime": "python2.7x", "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": ONE}}
    assert attempt(bench, "create_function", FunctionName=f"f-{uuid.uuid4().hex}", **settings)[0] == INVALID


def test_a_second_function_of_a_name_is_a_conflict(bench: Bench) -> None:
    name = bench.deploy()
    settings = {"Runtime": PYTHON, "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": ONE}}
    assert attempt(bench, "create_function", FunctionName=name, **settings) == (
        "ResourceConflictException",
        f"Function already exist: {name}",
    )


@pytest.mark.parametrize("operation", [*CHANGES, "get_function", "delete_function", "invoke"])
def test_a_function_that_is_not_there_is_not_found(bench: Bench, operation: str) -> None:
    code, message = attempt(bench, operation, FunctionName="there-is-none", **CHANGES.get(operation, {}))
    assert code == "ResourceNotFoundException"
    assert message.startswith("Function not found: arn:aws:lambda:us-east-1:")


def test_an_update_of_the_code_keeps_the_settings(bench: Bench) -> None:
    name = bench.deploy(Code={"ZipFile": ONE}, Timeout=7)
    answer = bench.functions.update_function_code(FunctionName=name, ZipFile=TWO, Architectures=["x86_64"])
    assert answer["CodeSha256"] == sha256(TWO)
    assert bench.settled(name)["Timeout"] == 7


def test_an_update_of_the_settings_replaces_what_it_names(bench: Bench) -> None:
    name = bench.deploy(Code={"ZipFile": ONE}, Environment={"Variables": {"FIRST": "1", "SECOND": "2"}})
    bench.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"THIRD": "3"}})
    read = bench.settled(name)
    assert read["Environment"] == {"Variables": {"THIRD": "3"}}
    assert (read["Timeout"], read["CodeSha256"]) == (10, sha256(ONE))


def test_an_empty_environment_clears_it(bench: Bench) -> None:
    name = bench.deploy(Environment={"Variables": {"STAGE": "blue"}})
    bench.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {}})
    assert not bench.settled(name).get("Environment", {}).get("Variables")


def test_a_dry_run_of_an_update_changes_nothing(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html (DryRun)"""
    name = bench.deploy(Code={"ZipFile": ONE})
    bench.functions.update_function_code(FunctionName=name, ZipFile=TWO, DryRun=True)
    assert bench.settled(name)["CodeSha256"] == sha256(ONE)


@pytest.mark.parametrize("operation", CHANGES)
def test_another_revision_is_refused_and_nothing_changes(bench: Bench, operation: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html#API_UpdateFunctionCode_Errors"""
    name = bench.deploy(Code={"ZipFile": ONE})
    before = bench.settled(name)["RevisionId"]
    code, _ = attempt(bench, operation, FunctionName=name, RevisionId=WRONG, **CHANGES[operation])
    assert code == "PreconditionFailedException"
    assert bench.settled(name)["RevisionId"] == before


@pytest.mark.parametrize("operation", CHANGES)
def test_the_current_revision_is_taken_and_changes(bench: Bench, operation: str) -> None:
    name = bench.deploy(Code={"ZipFile": ONE})
    before = bench.settled(name)["RevisionId"]
    getattr(bench.functions, operation)(FunctionName=name, RevisionId=before, **CHANGES[operation])
    assert bench.settled(name)["RevisionId"] != before


def test_a_version_keeps_code_and_settings(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"""
    name = bench.deploy(Code={"ZipFile": ONE}, Environment={"Variables": {"STAGE": "blue"}})
    assert bench.publish(name) == "1"
    bench.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"STAGE": "red"}})
    bench.settled(name)
    bench.functions.update_function_code(FunctionName=name, ZipFile=TWO)
    bench.settled(name)
    kept = bench.settled(name, "1")
    assert (kept["CodeSha256"], kept["Environment"]) == (sha256(ONE), {"Variables": {"STAGE": "blue"}})
    assert (kept["Version"], kept["FunctionArn"].endswith(f":{name}:1")) == ("1", True)


def test_a_version_has_a_description_of_its_own(bench: Bench) -> None:
    name = bench.deploy(Description="of the function")
    published = bench.functions.publish_version(FunctionName=name, Description="v1")
    assert published["Description"] == "v1"
    assert bench.settled(name)["Description"] == "of the function"


def test_publishing_nothing_new_gives_the_last_version(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html"""
    name = bench.deploy()
    bench.publish(name)
    assert bench.publish(name) == "1"
    bench.functions.update_function_configuration(FunctionName=name, Timeout=9)
    bench.settled(name)
    assert bench.publish(name) == "2"


def test_publishing_needs_the_code_that_is_named(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html (CodeSha256)"""
    name = bench.deploy(Code={"ZipFile": ONE})
    code, message = attempt(bench, "publish_version", FunctionName=name, CodeSha256=sha256(TWO))
    assert (code, message.startswith("CodeSHA256 (")) == (INVALID, True)
    assert bench.functions.publish_version(FunctionName=name, CodeSha256=sha256(ONE))["Version"] == "1"


def test_a_version_that_is_not_there_is_not_found(bench: Bench) -> None:
    name = bench.deploy()
    assert attempt(bench, "get_function", FunctionName=name, Qualifier="7")[0] == "ResourceNotFoundException"


def test_a_version_is_not_updated(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"""
    name = bench.deploy()
    version = f"{name}:{bench.publish(name)}"
    assert attempt(bench, "update_function_configuration", FunctionName=version, Timeout=5)[0] == INVALID


def test_a_version_that_an_alias_uses_is_not_deleted(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html"""
    name = bench.deploy()
    version = bench.publish(name)
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    assert attempt(bench, "delete_function", FunctionName=name, Qualifier=version)[0] == "ResourceConflictException"
    bench.functions.delete_alias(FunctionName=name, Name="live")
    bench.functions.delete_function(FunctionName=name, Qualifier=version)
    assert attempt(bench, "get_function", FunctionName=name, Qualifier=version)[0] == "ResourceNotFoundException"


def test_a_number_is_not_given_twice(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html: numbers are not used again."""
    name = bench.deploy()
    bench.functions.delete_function(FunctionName=name, Qualifier=bench.publish(name))
    bench.update(name, ECHO + "\n")
    assert bench.publish(name) == "2"


def test_a_deleted_function_is_gone_with_its_aliases(bench: Bench) -> None:
    name = bench.deploy()
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion=bench.publish(name))
    bench.functions.delete_function(FunctionName=name)
    assert attempt(bench, "get_function", FunctionName=name)[0] == "ResourceNotFoundException"
    assert attempt(bench, "get_alias", FunctionName=name, Name="live")[0] == "ResourceNotFoundException"


def test_tags_come_with_the_function_and_are_changed(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html"""
    name = bench.deploy(Tags={"laambda:app": "api/production"})
    answer = bench.functions.get_function(FunctionName=name)
    assert answer["Tags"] == {"laambda:app": "api/production"}
    arn = answer["Configuration"]["FunctionArn"]
    bench.functions.tag_resource(Resource=arn, Tags={"team": "blue"})
    bench.functions.untag_resource(Resource=arn, TagKeys=["laambda:app"])
    assert bench.functions.list_tags(Resource=arn)["Tags"] == {"team": "blue"}
