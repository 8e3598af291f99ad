"""Aliases, the fence and the switch of a deploy: https://docs.aws.amazon.com/lambda/latest/dg/configuration-aliases.html"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import Bench, refused

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ministack")]

NOT_FOUND = "ResourceNotFoundException"


def attempt(bench: Bench, operation: str, **arguments: Any) -> tuple[str, str]:
    """How a call is refused."""
    with pytest.raises(ClientError) as error:
        getattr(bench.functions, operation)(**arguments)
    return refused(error)


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """The function of each cloud, for all tests here: ministack takes half a second to settle one."""
    return {}


@pytest.fixture
def name(bench: Bench, made: dict[str, str]) -> Iterator[str]:
    """A function with the versions 1 and 2 and no alias."""
    if bench.cloud.url not in made:
        name = bench.deploy("def handler(event, context):\n    return 'one'\n")
        bench.publish(name)
        bench.update(name, "def handler(event, context):\n    return 'two'\n")
        bench.publish(name)
        made[bench.cloud.url] = name
    yield made[bench.cloud.url]
    with contextlib.suppress(ClientError):
        bench.functions.delete_alias(FunctionName=made[bench.cloud.url], Name="live")


def live(bench: Bench, name: str, **arguments: Any) -> dict[str, Any]:
    made = bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", **arguments)
    return {key: value for key, value in made.items() if key != "ResponseMetadata"}


def test_an_alias_reads_as_it_was_made(bench: Bench, name: str) -> None:
    made = live(bench, name, Description="laambda token 1")
    read = bench.functions.get_alias(FunctionName=name, Name="live")
    assert {key: read[key] for key in made} == made
    assert (made["FunctionVersion"], made["Description"]) == ("1", "laambda token 1")
    assert made["AliasArn"].endswith(f":function:{name}:live")


def test_the_second_creation_is_a_conflict(bench: Bench, name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html#API_CreateAlias_Errors"""
    live(bench, name)
    code, _ = attempt(bench, "create_alias", FunctionName=name, Name="live", FunctionVersion="2")
    assert code == "ResourceConflictException"
    assert bench.functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"


def test_an_alias_moves_to_another_version(bench: Bench, name: str) -> None:
    live(bench, name, Description="token 1")
    none: dict[str, Any] = {"AdditionalVersionWeights": {}}
    moved = bench.functions.update_alias(FunctionName=name, Name="live", FunctionVersion="2", RoutingConfig=none)
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "token 1")


def test_a_description_alone_leaves_the_version(bench: Bench, name: str) -> None:
    made = live(bench, name, Description="token 1")
    marked = bench.functions.update_alias(FunctionName=name, Name="live", Description="token 2")
    assert (marked["FunctionVersion"], marked["Description"]) == ("1", "token 2")
    assert marked["RevisionId"] != made["RevisionId"]


def test_of_two_moves_under_one_revision_the_second_is_refused(bench: Bench, name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateAlias.html (RevisionId)"""
    under = {"FunctionName": name, "Name": "live", "RevisionId": live(bench, name)["RevisionId"]}
    bench.functions.update_alias(**under, Description="first")
    assert attempt(bench, "update_alias", **under, Description="second")[0] == "PreconditionFailedException"
    assert bench.functions.get_alias(FunctionName=name, Name="live")["Description"] == "first"


def test_an_alias_names_only_versions_that_exist(bench: Bench, name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html#API_CreateAlias_Errors"""
    assert attempt(bench, "create_alias", FunctionName=name, Name="live", FunctionVersion="7")[0] == NOT_FOUND
    live(bench, name)
    assert attempt(bench, "update_alias", FunctionName=name, Name="live", FunctionVersion="7")[0] == NOT_FOUND


def test_an_alias_that_is_not_there_is_not_found(bench: Bench, name: str) -> None:
    assert attempt(bench, "get_alias", FunctionName=name, Name="live")[0] == NOT_FOUND
    assert attempt(bench, "update_alias", FunctionName=name, Name="live", Description="x")[0] == NOT_FOUND


def test_deleting_an_alias_twice_is_no_error(bench: Bench, name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteAlias.html"""
    live(bench, name)
    for _ in range(2):
        answer = bench.functions.delete_alias(FunctionName=name, Name="live")
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert attempt(bench, "get_alias", FunctionName=name, Name="live")[0] == NOT_FOUND


def test_a_qualifier_reads_the_version_behind_the_alias(bench: Bench, name: str) -> None:
    live(bench, name)
    behind = bench.functions.get_function(FunctionName=name, Qualifier="live")["Configuration"]
    assert (behind["Version"], behind["CodeSha256"]) == ("1", bench.settled(name, "1")["CodeSha256"])


def test_an_alias_runs_its_version_and_after_a_move_the_other(bench: Bench, name: str) -> None:
    live(bench, name)
    first = bench.functions.invoke(FunctionName=name, Qualifier="live")
    bench.functions.update_alias(FunctionName=name, Name="live", FunctionVersion="2")
    second = bench.functions.invoke(FunctionName=name, Qualifier="live")
    assert [(one["ExecutedVersion"], one["Payload"].read()) for one in (first, second)] == [
        ("1", b'"one"'),
        ("2", b'"two"'),
    ]


def test_a_weight_sends_invocations_to_another_version(bench: Bench, name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html"""
    live(bench, name, RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}})
    assert bench.invoke(name, Qualifier="live") == "two"


def test_invoking_through_an_alias_that_is_not_there_is_not_found(bench: Bench, name: str) -> None:
    code, message = attempt(bench, "invoke", FunctionName=name, Qualifier="live")
    assert (code, message.endswith(f":function:{name}:live")) == (NOT_FOUND, True)
