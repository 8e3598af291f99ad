"""What the API refuses, and how it says so: problem details with a hint, and never a value of a config var."""

from __future__ import annotations

import http.client
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import QueueHandler
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import pytest

from laambda.errors import InvalidInput
from tests.integration.api.house import ROLE, House

SECRET = "s3cr3t-value-of-a-config-var"


def call(house: House, method: str, path: str, body: Any = None, *, token: str | None = "", **headers: str) -> Any:
    """One request as it is on the wire: (status, content type, parsed body)."""
    parts = urlsplit(house.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    given = {} if token is None else {"Authorization": f"Bearer {token or house.token}"}
    sent = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, path, sent, {"Content-Type": "application/json", **given, **headers})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.headers, json.loads(text)


@pytest.mark.parametrize("token", [None, "wrong", "lmb_wrong", "lmb_" + "x" * 500])
@pytest.mark.parametrize("path", ["/v1/apps", "/v1/apps/api/config", "/v1/keys", "/v1/builds/1/output"])
def test_without_a_known_token_nothing_is_told(quiet_house: House, path: str, token: str | None) -> None:
    status, headers, problem = call(quiet_house, "GET", path, token=token)
    assert (status, headers["WWW-Authenticate"], headers["Content-Type"]) == (401, "Bearer", "application/problem+json")
    assert problem["type"] == "urn:laambda:problem:unauthorised"
    assert problem["hint"]


def test_health_needs_no_token(quiet_house: House) -> None:
    assert call(quiet_house, "GET", "/health", token=None)[0] == 200


def test_an_unknown_app_is_a_problem_with_a_hint(quiet_house: House) -> None:
    status, headers, problem = call(quiet_house, "GET", "/v1/apps/nono")
    assert (status, headers["Content-Type"]) == (404, "application/problem+json")
    assert problem == {
        "type": "urn:laambda:problem:not-found",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no app nono",
        "hint": "`laambda apps` lists the apps",
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/nothing", None, 404),
        ("PUT", "/v1/apps", None, 405),
        ("GET", "/v1/apps/Not..A/config", None, 422),
        ("GET", "/v1/builds/0", None, 422),
        ("GET", f"/v1/builds/{2**70}", None, 422),
        ("GET", "/v1/apps/api/releases?limit=100000", None, 422),
        ("GET", "/v1/apps/api/releases/99999999999999999999999", None, 422),
        ("POST", "/v1/apps", b"{", 422),
        ("POST", "/v1/apps", {"name": "x", "role": ROLE, "more": 1}, 422),
        ("POST", "/v1/apps", {"name": "x", "role": "arn:aws:iam::1:role/x"}, 422),
        ("POST", "/v1/apps", {"name": "x" * 31, "role": ROLE}, 422),
        ("POST", "/v1/apps", {"name": "api@nowhere", "role": ROLE}, 404),
        ("POST", "/v1/apps", {"name": "api", "role": ROLE}, 409),
        ("POST", "/v1/apps/api/rollback", {"version": 0}, 422),
        ("POST", "/v1/apps/api/rollback", {"version": 10**30}, 422),
        ("POST", "/v1/apps/api/rollback", {}, 409),
        ("POST", "/v1/apps/api/functions/x/invoke", {}, 409),
        ("GET", "/v1/apps/api/logs?since=yesterday", None, 422),
        ("GET", "/v1/apps/api/logs?process=nono", None, 404),
        ("POST", "/v1/keys", {"key": "ssh-dss AAAA"}, 422),
        ("DELETE", "/v1/keys?name=nono", None, 404),
    ],
)
def test_what_can_not_be_is_refused_as_a_problem(
    quiet_house: House, method: str, path: str, body: Any, status: int
) -> None:
    found, headers, problem = call(quiet_house, method, path, body)
    assert (found, headers["Content-Type"], problem["status"]) == (status, "application/problem+json", status)
    assert problem["detail"]


@pytest.mark.parametrize("chunked", [False, True])
def test_a_huge_body_is_refused_before_it_is_read_to_its_end(quiet_house: House, chunked: bool) -> None:
    body: Any = (b"x" * 65_536 for _ in range(100)) if chunked else b"x" * 300_000
    parts = urlsplit(quiet_house.url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
    headers = {"Authorization": f"Bearer {quiet_house.token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v1/apps", body, headers, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it hung up on us: as good an answer
    else:
        assert connection.getresponse().status == 413
    finally:
        connection.close()


def test_values_of_config_vars_appear_in_no_answer_log_or_row(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    house.app()
    path = "/v1/apps/api/config"
    answers = [
        call(house, "PATCH", path, {"GOOD": SECRET}),
        call(house, "PATCH", path, {"1BAD": SECRET}),
        call(house, "PATCH", path, {"AWS_REGION": SECRET}),
        call(house, "PATCH", path, {"LONG": SECRET * 200}),
        call(house, "PATCH", path, {"GOOD": {"deep": SECRET}}),
        call(house, "PATCH", path, [SECRET]),
        call(house, "PATCH", path, f'{{"A": "{SECRET}'.encode()),
        call(house, "PATCH", path, {"NUL": SECRET + "\0"}),
    ]
    assert [answer[0] for answer in answers] == [202, 422, 422, 422, 422, 422, 422, 422]
    house.push()
    assert call(house, "PATCH", path, {"GOOD": SECRET + "2"})[0] == 202
    assert SECRET not in str(answers)
    assert SECRET not in caplog.text
    kept = b"".join(file.read_bytes() for file in house.folder.rglob("*") if file.is_file())
    assert SECRET.encode() not in kept


def test_reading_values_is_audited_and_not_cached(house: House) -> None:
    house.app()
    _, headers, values = call(house, "GET", "/v1/apps/api/config")
    with house.services.database.read() as tx:
        newest = tx.audit.recent(1)[0]
    assert (values, headers["Cache-Control"]) == ({}, "no-store")
    assert (newest.actor, newest.action, newest.subject) == ("jim", "config:read", "api")


def test_an_unexpected_error_tells_nothing_of_the_inside(house: House) -> None:
    house.app()
    house.push()

    def explode(*_: str) -> None:
        raise RuntimeError("boom")

    house.functions.around = explode
    with logged("uvicorn.error") as records:
        status, _, problem = call(house, "DELETE", "/v1/apps/api")
        logged_error = records.get(timeout=20).exc_info[1]
    assert (status, problem["type"]) == (500, "urn:laambda:problem:platform")
    assert "boom" not in str(problem)
    assert str(logged_error) == "boom"


@contextmanager
def logged(name: str) -> Iterator[Queue[Any]]:
    """Records of a logger as they come: the server logs after it has answered."""
    records: Queue[Any] = Queue()
    handler = QueueHandler(records)
    handler.prepare = lambda record: record  # type: ignore[method-assign]
    logging.getLogger(name).addHandler(handler)
    yield records
    logging.getLogger(name).removeHandler(handler)


def test_the_client_raises_the_error_that_the_api_had(quiet_house: House) -> None:
    with pytest.raises(InvalidInput, match="not the ARN of an IAM role") as refused:
        quiet_house.client.create_app("api", "role")
    assert refused.value.hint.startswith("It looks like arn:aws")


def test_the_description_of_the_api_types_every_answer(quiet_house: House) -> None:
    described = call(quiet_house, "GET", "/openapi.json", token=None)[2]
    operations = [one for path in described["paths"].values() for one in path.values()]
    assert len(operations) >= 18
    for operation in operations:
        good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
        kind, content = next(iter(good["content"].items()))
        assert kind == "text/plain" or content["schema"], operation["operationId"]
    assert described["paths"]["/v1/apps"]["get"]["security"]
