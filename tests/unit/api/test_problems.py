"""Every error has its problem, and the client turns it back."""

from __future__ import annotations

import json

import pytest

from laambda import errors
from laambda.api.problems import problem_of
from laambda.client import error_of


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("no", hint="do"), 422),
        (errors.NotFound("no"), 404),
        (errors.Conflict("no"), 409),
        (errors.NotAllowed("no"), 403),
        (errors.BuildFailed("no"), 422),
        (errors.UserError("no"), 400),
        (errors.Unavailable("no", hint="do"), 503),
        (errors.PlatformError("no"), 500),
    ],
)
def test_an_error_crosses_the_wire_as_itself(error: errors.LaambdaError, status: int) -> None:
    problem = problem_of(error)
    back = error_of(problem.status, problem.model_dump_json().encode(), "http://api")
    assert (problem.status, type(back), back.message, back.hint) == (status, type(error), error.message, error.hint)
    assert back.exit_code == error.exit_code


@pytest.mark.parametrize("error", [errors.LeaseLost("no"), errors.PreconditionLost("no")])
def test_what_only_a_worker_minds_is_a_platform_error_outside(error: errors.LaambdaError) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.type) == (500, "urn:laambda:problem:platform")


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"type": "about:blank"}', json.dumps({"type": 3}).encode(), b""])
def test_an_answer_that_is_not_ours_is_said_and_not_shown(body: bytes) -> None:
    error = error_of(502, body, "http://api")
    assert str(error) == "http://api answered 502, but not as laambda's API. Check LAAMBDA_API_URL"
