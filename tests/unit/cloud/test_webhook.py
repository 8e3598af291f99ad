"""What a web address is told of a failed build, and that it can do no harm."""

from __future__ import annotations

import dataclasses
import logging
import socket
import threading

import pytest

from laambda.cloud.webhook import Webhook, document
from laambda.domain.build import Build, BuildKind, BuildState
from laambda.domain.names import Scope
from laambda.errors import InvalidInput
from tests.web_fixture import WebServer

BUILD = Build(
    Scope("api", "staging"),
    BuildKind.PUSH,
    "ada",
    "Deploy",
    commit="abc1234" + "0" * 33,
    id=7,
    state=BuildState.FAILED,
    error="no Procfile",
)


def settle() -> None:
    """Wait for the posts that are under way."""
    for thread in threading.enumerate():
        if thread.name == "webhook":
            thread.join(10)


def test_slack_shows_one_line_and_programs_get_the_parts(web_server: WebServer) -> None:
    Webhook(web_server.url).build_failed(BUILD)
    posted = web_server.next()

    assert (posted.path, posted.content_type) == ("/services/T0/B0/secret", "application/json")
    assert posted.document == {
        "text": "api@staging: build 7 of abc1234 by ada failed: no Procfile",
        "app": "api",
        "environment": "staging",
        "build": 7,
        "kind": "push",
        "state": "failed",
        "error": "no Procfile",
        "actor": "ada",
        "commit": BUILD.commit,
    }


def test_an_error_can_not_mention_anybody() -> None:
    shown = document(dataclasses.replace(BUILD, error="<!channel> & <https://example.com|here>"))["text"]

    assert shown.endswith("failed: &lt;!channel&gt; &amp; &lt;https://example.com|here&gt;")


def test_a_slow_server_holds_nobody_up_and_gets_few_posts(web_server: WebServer) -> None:
    web_server.open.clear()
    webhook = Webhook(web_server.url)
    for _ in range(20):
        webhook.build_failed(BUILD)
    web_server.open.set()
    settle()

    assert 1 <= web_server.posted.qsize() <= 4


@pytest.mark.parametrize("answer", [307, 404, 500])
def test_a_refusal_is_logged_without_the_address(
    web_server: WebServer, answer: int, caplog: pytest.LogCaptureFixture
) -> None:
    web_server.answer, web_server.location = answer, "http://127.0.0.1:1/elsewhere"
    Webhook(web_server.url).build_failed(BUILD)
    settle()

    assert f"the webhook answered {answer}" in caplog.text
    assert "secret" not in caplog.text


def test_nobody_there_is_logged_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with caplog.at_level(logging.DEBUG):
        Webhook(f"http://127.0.0.1:{port}/secret").build_failed(BUILD)
        settle()

    assert "nobody is told of build 7: URLError" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize("url", ["http://example.com/secret", "ftp://127.0.0.1/secret", "secret", "https://[secret"])
def test_an_address_in_the_clear_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(InvalidInput, match="LAAMBDA_FAILURE_WEBHOOK") as refused:
        Webhook(url)

    assert "secret" not in str(refused.value)


def test_https_anywhere_is_taken() -> None:
    assert Webhook("https://hooks.slack.com/services/T0/B0/secret")
