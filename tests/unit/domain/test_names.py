"""Names of apps, environments, processes, config vars and functions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laambda.domain.names import (
    Scope,
    check_app_name,
    check_config_name,
    check_environment_name,
    check_process_name,
    function_name,
)
from laambda.errors import InvalidInput

APPS = st.from_regex(r"[a-z][a-z0-9-]{0,29}", fullmatch=True)


@given(APPS, APPS)
def test_a_scope_reads_back_as_it_is_written(app: str, environment: str) -> None:
    scope = Scope(app, environment)
    assert Scope.parse(str(scope)) == scope


def test_the_default_environment_is_not_written() -> None:
    assert str(Scope("api")) == "api"
    assert str(Scope("api", "staging")) == "api@staging"
    assert Scope("api").owner_tag == "api/production"


@pytest.mark.parametrize("name", ["", "Api", "1api", "-api", "a" * 31, "api\n", "a_b", "../x", "api@x@y", "@x"])
def test_what_is_no_app_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        Scope.parse(name)
    with pytest.raises(InvalidInput, match="is not an app name"):
        check_app_name(name)


def test_a_refusal_quotes_a_bounded_part_of_the_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_environment_name("x" * 10_000)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", ["web", "v1-create", "A_b", "9"])
def test_process_names(name: str) -> None:
    assert check_process_name(name) == name


@pytest.mark.parametrize("name", ["", "a b", "a.b", "é", "x" * 64])
def test_what_is_no_process_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="is not a process name"):
        check_process_name(name)


@pytest.mark.parametrize("name", ["Ab", "DATABASE_URL", "a1"])
def test_config_names(name: str) -> None:
    assert check_config_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "A", "_A", "1A", "A-B", "A=B", "A\n", "AWS_REGION", "AWS_LAMBDA_X", "LAMBDA_TASK_ROOT"]
)
def test_config_names_that_lambda_refuses(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_config_name(name)


def test_function_names_tell_app_environment_and_process() -> None:
    assert function_name(Scope("api"), "create") == "api-create"
    assert function_name(Scope("api", "staging"), "create") == "api-staging-create"


def test_a_function_name_has_64_characters_at_most() -> None:
    assert len(function_name(Scope("a" * 30), "p" * 33)) == 64
    with pytest.raises(InvalidInput, match="has 65 characters, Lambda takes 64"):
        function_name(Scope("a" * 30), "p" * 34)
