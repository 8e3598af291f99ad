from __future__ import annotations

import pytest

from laambda.localcloud import limits
from laambda.localcloud.refusal import RefusedError


def test_an_environment_of_exactly_four_kilobytes_passes() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html"""
    overhead = len('{"NAME":""}')
    limits.check_environment({"NAME": "x" * (limits.ENVIRONMENT_BYTES - overhead)})
    with pytest.raises(RefusedError, match="exceeded the 4KB limit"):
        limits.check_environment({"NAME": "x" * (limits.ENVIRONMENT_BYTES - overhead + 1)})


@pytest.mark.parametrize("name", ["1ST", "A-B", "A", ""])
def test_a_variable_name_follows_the_pattern(name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Environment.html"""
    with pytest.raises(RefusedError, match="ValidationException"):
        limits.check_environment({name: "x"})


@pytest.mark.parametrize(("field", "low", "high"), [("Timeout", 1, 900), ("MemorySize", 128, 10_240)])
def test_ranges_include_their_ends(field: str, low: int, high: int) -> None:
    for value in (low, high):
        limits.check_settings({field: value})
    for value in (low - 1, high + 1):
        with pytest.raises(RefusedError):
            limits.check_settings({field: value})


@pytest.mark.parametrize("name", ["live", "a-1_B", "v2"])
def test_an_alias_may_be_a_word(name: str) -> None:
    limits.check_alias_name(name)


@pytest.mark.parametrize("name", ["12", "$LATEST", "a b", ""])
def test_an_alias_may_not_look_like_a_version(name: str) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html (Name)"""
    with pytest.raises(RefusedError):
        limits.check_alias_name(name)


def test_an_event_that_nobody_waits_for_may_have_one_megabyte() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    event = b'"' + b"x" * 2_000_000 + b'"'
    limits.check_payload(event, wait=True)
    with pytest.raises(RefusedError, match="1048576 bytes"):
        limits.check_payload(event, wait=False)


def test_a_handler_is_up_to_128_characters_without_spaces() -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html (Handler)"""
    limits.check_settings({"Handler": "CreateThumbnail.handler"})
    with pytest.raises(RefusedError):
        limits.check_settings({"Handler": "a handler"})
