"""The rules a deploy leans on: revisions, states, conflicts, publications."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import Bench, refused, zipped
from tests.cloud_fixture import running_cloud

STALE = (
    "PreconditionFailedException",
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
)
CODE = zipped({"app.py": "handler = print"})
WRONG = "00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A cloud whose functions practically never settle."""
    with running_cloud(tmp_path_factory.mktemp("slow"), settle=3_600_000) as cloud:
        yield Bench(cloud)


@pytest.fixture(scope="module")
def leisurely(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A cloud whose functions settle in half a second."""
    with running_cloud(tmp_path_factory.mktemp("leisurely"), settle=500) as cloud:
        yield Bench(cloud)


def test_a_revision_changes_with_each_change_and_once_more_when_it_settles(leisurely: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html (RevisionId)"""
    name = leisurely.deploy()
    functions = leisurely.functions
    seen = [functions.get_function(FunctionName=name)["Configuration"]["RevisionId"]]
    seen.append(functions.update_function_code(FunctionName=name, ZipFile=CODE)["RevisionId"])
    seen.append(leisurely.settled(name)["RevisionId"])
    seen.append(functions.update_function_configuration(FunctionName=name, Timeout=4)["RevisionId"])
    seen.append(leisurely.settled(name)["RevisionId"])
    assert len(set(seen)) == 5
    assert leisurely.settled(name)["RevisionId"] == seen[-1]


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("update_function_code", {"ZipFile": CODE}),
        ("update_function_configuration", {"Timeout": 5}),
        ("publish_version", {}),
        ("update_alias", {"Name": "live", "Description": "x"}),
    ],
)
def test_a_call_under_another_revision_is_refused_and_changes_nothing(
    bench: Bench, operation: str, arguments: dict[str, Any]
) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html#API_UpdateFunctionCode_Errors"""
    name = bench.deploy()
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    before = bench.settled(name)["RevisionId"]
    with pytest.raises(ClientError) as error:
        getattr(bench.functions, operation)(FunctionName=name, RevisionId=WRONG, **arguments)
    assert refused(error) == STALE
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert bench.settled(name)["RevisionId"] == before


def test_the_current_revision_opens_each_call(bench: Bench) -> None:
    name = bench.deploy()
    functions = bench.functions
    functions.update_function_code(FunctionName=name, ZipFile=CODE, RevisionId=bench.settled(name)["RevisionId"])
    functions.update_function_configuration(FunctionName=name, Timeout=5, RevisionId=bench.settled(name)["RevisionId"])
    functions.publish_version(FunctionName=name, RevisionId=bench.settled(name)["RevisionId"])
    alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    moved = functions.update_alias(
        FunctionName=name, Name="live", Description="token 7", RevisionId=alias["RevisionId"]
    )
    assert (moved["Description"], moved["FunctionVersion"]) == ("token 7", "1")
    assert moved["RevisionId"] != alias["RevisionId"]


def test_a_publication_changes_the_revision_of_latest_and_its_own_stays(leisurely: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html (RevisionId), as observed on AWS."""
    name = leisurely.deploy()
    before = leisurely.settled(name)["RevisionId"]
    published = leisurely.functions.publish_version(FunctionName=name)["RevisionId"]
    assert leisurely.settled(name)["RevisionId"] not in (before, published)
    assert leisurely.settled(name, "1")["RevisionId"] == published


def test_an_alias_leaves_the_revisions_of_function_and_version(bench: Bench) -> None:
    name = bench.deploy()
    bench.publish(name)
    before = [bench.settled(name, qualifier)["RevisionId"] for qualifier in ("$LATEST", "1")]
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    assert [bench.settled(name, qualifier)["RevisionId"] for qualifier in ("$LATEST", "1")] == before


@pytest.mark.parametrize("qualifier", ["$LATEST", "1", "live"])
def test_a_permission_changes_the_revision_of_what_it_is_for(bench: Bench, qualifier: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html (RevisionId), as observed on AWS."""
    name = bench.deploy()
    bench.publish(name)
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")

    def revision() -> str:
        if qualifier == "live":
            return str(bench.functions.get_alias(FunctionName=name, Name="live")["RevisionId"])
        return str(bench.settled(name, qualifier)["RevisionId"])

    what: dict[str, Any] = {"FunctionName": name, "StatementId": "s"}
    what |= {} if qualifier == "$LATEST" else {"Qualifier": qualifier}
    before = revision()
    statement = {"Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    with pytest.raises(ClientError) as error:
        bench.functions.add_permission(**what, **statement, RevisionId=WRONG)
    assert "Call the GetPolicy API" in refused(error)[1]
    bench.functions.add_permission(**what, **statement, RevisionId=before)
    added = revision()
    bench.functions.remove_permission(**what, RevisionId=added)
    assert len({before, added, revision()}) == 3


def test_a_new_function_is_pending_then_active(leisurely: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"""
    name = leisurely.deploy(ready=False)
    state = leisurely.functions.get_function_configuration(FunctionName=name)
    assert (state["State"], state["StateReasonCode"]) == ("Pending", "Creating")
    with pytest.raises(ClientError) as error:
        leisurely.invoke(name)
    assert refused(error) == (
        "ResourceConflictException",
        "The operation cannot be performed at this time. The function is currently in the following state: Pending",
    )
    assert leisurely.settled(name)["State"] == "Active"


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("update_function_code", {"ZipFile": CODE}),
        ("update_function_configuration", {"Timeout": 5}),
        ("publish_version", {}),
    ],
)
def test_nothing_changes_a_function_that_is_pending(slow: Bench, operation: str, arguments: dict[str, Any]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"""
    name = slow.deploy(ready=False)
    with pytest.raises(ClientError) as error:
        getattr(slow.functions, operation)(FunctionName=name, **arguments)
    assert refused(error)[0] == "ResourceConflictException"
    assert refused(error)[1].endswith("The function is currently in the following state: Pending")


def test_an_update_in_progress_conflicts_while_the_old_code_still_runs(leisurely: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html"""
    name = leisurely.deploy("def handler(event, context):\n    return 'old'\n")
    new = zipped({"app.py": "def handler(event, context):\n    return 'new'\n"})
    state = leisurely.functions.update_function_code(FunctionName=name, ZipFile=new)
    assert (state["State"], state["LastUpdateStatus"]) == ("Active", "InProgress")
    with pytest.raises(ClientError) as error:
        leisurely.functions.publish_version(FunctionName=name)
    assert refused(error) == (
        "ResourceConflictException",
        "The operation cannot be performed at this time. "
        f"An update is in progress for resource: {state['FunctionArn']}",
    )
    assert leisurely.invoke(name) == "old"
    assert leisurely.settled(name)["LastUpdateStatus"] == "Successful"
    assert leisurely.invoke(name) == "new"


def test_a_published_version_is_pending_then_active(leisurely: Bench) -> None:
    """Stricter than AWS, where that is so with SnapStart: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html"""
    name = leisurely.deploy()
    assert leisurely.functions.publish_version(FunctionName=name)["State"] == "Pending"
    assert leisurely.settled(name, "1")["State"] == "Active"


def test_publishing_nothing_new_gives_the_last_version(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html"""
    name = bench.deploy()
    first = bench.functions.publish_version(FunctionName=name, Description="one")
    again = bench.functions.publish_version(FunctionName=name, Description="two")
    bench.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"COLOUR": "red"}})
    bench.settled(name)
    changed = bench.functions.publish_version(FunctionName=name)
    assert [one["Version"] for one in (first, again, changed)] == ["1", "1", "2"]
    assert (again["Description"], again["CodeSha256"]) == ("one", first["CodeSha256"])


def test_publishing_other_code_than_meant_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html (CodeSha256)"""
    name = bench.deploy()
    current = bench.settled(name)["CodeSha256"]
    with pytest.raises(ClientError) as error:
        bench.functions.publish_version(FunctionName=name, CodeSha256="other")
    assert refused(error) == (
        "InvalidParameterValueException",
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({current}). "
        "Please try again with the CodeSHA256 in $LATEST.",
    )
    assert bench.functions.publish_version(FunctionName=name, CodeSha256=current)["Version"] == "1"


def test_a_version_keeps_its_code_and_settings(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html"""
    name = bench.deploy(Environment={"Variables": {"COLOUR": "red"}})
    kept = bench.settled(name, bench.publish(name))
    bench.functions.update_function_configuration(
        FunctionName=name, Timeout=9, Environment={"Variables": {"COLOUR": "blue"}}
    )
    bench.settled(name)
    bench.update(name, "handler = print")
    assert bench.settled(name, "1") == kept | {"ResponseMetadata": bench.settled(name, "1")["ResponseMetadata"]}
    assert kept["FunctionArn"].endswith(f":function:{name}:1")


def test_the_package_can_be_fetched_again(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCodeLocation.html"""
    name = bench.deploy(Code={"ZipFile": CODE})
    location = bench.functions.get_function(FunctionName=name)["Code"]["Location"]
    with urllib.request.urlopen(location) as answer:
        assert answer.read() == CODE


def test_a_dry_run_of_an_update_changes_nothing(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html (DryRun)"""
    name = bench.deploy()
    before = bench.settled(name)
    bench.functions.update_function_code(FunctionName=name, ZipFile=CODE, DryRun=True)
    assert bench.settled(name)["CodeSha256"] == before["CodeSha256"]
    assert bench.settled(name)["RevisionId"] == before["RevisionId"]


def test_listings_come_in_pages(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_ListAliases.html"""
    name = bench.deploy()
    for number in range(3):
        bench.functions.create_alias(FunctionName=name, Name=f"a{number}", FunctionVersion="$LATEST")
    pages = list(bench.functions.get_paginator("list_aliases").paginate(FunctionName=name, MaxItems=2))
    assert [[alias["Name"] for alias in page["Aliases"]] for page in pages] == [["a0", "a1"], ["a2"]]


def test_tags_are_added_listed_and_removed(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html"""
    name = bench.deploy(Tags={"laambda:app": "api/production"})
    arn = bench.settled(name, "$LATEST")["FunctionArn"].removesuffix(":$LATEST")
    bench.functions.tag_resource(Resource=arn, Tags={"team": "blue"})
    bench.functions.untag_resource(Resource=arn, TagKeys=["laambda:app"])
    assert bench.functions.list_tags(Resource=arn)["Tags"] == {"team": "blue"}
    assert bench.functions.get_function(FunctionName=name)["Tags"] == {"team": "blue"}


def test_a_policy_of_an_alias_is_its_own(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html"""
    name = bench.deploy()
    alias = bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
    bench.functions.add_permission(
        FunctionName=name,
        Qualifier="live",
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn="arn:aws:s3:::uploads",
    )
    policy = bench.functions.get_policy(FunctionName=name, Qualifier="live")["Policy"]
    assert alias["AliasArn"] in policy
    assert '"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::uploads"}' in policy
    bench.functions.remove_permission(FunctionName=name, Qualifier="live", StatementId="s3")
    with pytest.raises(ClientError) as error:
        bench.functions.get_policy(FunctionName=name, Qualifier="live")
    assert refused(error)[0] == "ResourceNotFoundException"
