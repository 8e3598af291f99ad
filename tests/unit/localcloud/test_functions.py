from __future__ import annotations

import json
from dataclasses import replace

import pytest

from laambda.localcloud.functions import (
    Alias,
    Code,
    Function,
    Version,
    from_document,
    timestamp,
    to_document,
    version_from_document,
    version_to_document,
)
from laambda.localcloud.refusal import RefusedError
from laambda.localcloud.registry import resolve, split_name

CODE = Code("aa", "qg==", 7)
LATEST = Version("$LATEST", {"Timeout": 3}, CODE, "r1", "r2", settles_at=10.0, modified_at=9.0)
FIRST = replace(LATEST, number="1", source="s")
FUNCTION = Function(
    "123456789012",
    "us-east-1",
    "api-create",
    replace(LATEST, creating=False, before=LATEST),
    versions={"1": FIRST},
    aliases={"live": Alias("live", "1", "token 3", {}, "r3")},
    tags={"a": "b"},
    last_number=1,
)


def test_a_function_comes_back_from_its_document() -> None:
    document = json.loads(json.dumps(to_document(FUNCTION)))
    version = version_from_document(json.loads(json.dumps(version_to_document(FIRST))))
    assert from_document(document, {"1": version, "2": FIRST}) == FUNCTION


def test_a_version_takes_its_second_revision_when_it_settles() -> None:
    assert [LATEST.revision_at(moment) for moment in (9.9, 10.0)] == ["r1", "r2"]


def test_the_code_before_runs_until_an_update_settles() -> None:
    assert FUNCTION.latest.running(9.9) == LATEST
    assert FUNCTION.latest.running(10.0) == FUNCTION.latest


def test_a_fingerprint_follows_code_and_settings_only() -> None:
    same = replace(LATEST, revision="other", modified_at=0.0)
    assert same.fingerprint() == LATEST.fingerprint()
    assert replace(LATEST, settings={"Timeout": 4}).fingerprint() != LATEST.fingerprint()


@pytest.mark.parametrize(
    ("qualifier", "number"), [(None, "$LATEST"), ("$LATEST", "$LATEST"), ("1", "1"), ("live", "1")]
)
def test_a_qualifier_names_a_version(qualifier: str | None, number: str) -> None:
    assert resolve(FUNCTION, qualifier).number == number


def test_a_qualifier_that_names_nothing_is_not_found() -> None:
    with pytest.raises(RefusedError, match="function:api-create:9"):
        resolve(FUNCTION, "9")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("f", ("f", None)),
        ("f:live", ("f", "live")),
        ("123456789012:function:f", ("f", None)),
        ("arn:aws:lambda:us-east-1:123456789012:function:f", ("f", None)),
        ("arn:aws:lambda:us-east-1:123456789012:function:f:7", ("f", "7")),
    ],
)
def test_a_function_is_named_in_several_ways(text: str, parts: tuple[str, str | None]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html (FunctionName)"""
    assert split_name(text) == parts


def test_a_time_is_written_as_lambda_does() -> None:
    assert timestamp(1_700_000_000.25) == "2023-11-14T22:13:20.250+0000"
