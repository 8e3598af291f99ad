"""What is written to the broker: ids and labels, never a secret, and always where it belongs."""

from __future__ import annotations

import base64
import json
from typing import Any

from laambda.cloud.queue import CeleryQueue, label, sender, task_name
from laambda.domain.build import Build, BuildKind, Step, steps_of
from laambda.domain.names import Scope
from tests.broker_fixture import Broker

BUILD = Build(Scope("api"), BuildKind.PUSH, "jim", "Deploy abc1234: a secret plan", id=12, version=3)


def message(broker: Broker, queue: str) -> tuple[dict[str, Any], Any]:
    """Headers and body of the only message in ``queue``."""
    with broker.client() as client:
        assert client.llen(queue) == 1
        raw = json.loads(str(client.lindex(queue, 0)))
    return raw["headers"], json.loads(base64.b64decode(raw["body"]))


def send(broker: Broker, **given: Any) -> None:
    with broker.client() as client:
        CeleryQueue(sender(broker.url), client).send(BUILD, steps_of(BUILD.kind), **given)


def test_the_first_link_waits_in_its_queue_with_the_rest_of_the_chain(broker: Broker) -> None:
    send(broker, queue="builds")
    headers, (args, kwargs, embedded) = message(broker, "builds")
    assert (headers["task"], args, kwargs) == ("laambda.build.extract", [12], {})
    names = [link["task"] for link in reversed(embedded["chain"])]
    assert names == [task_name(step) for step in list(Step)[1:]]
    assert {tuple(link["args"]) for link in embedded["chain"]} == {(12,)}


def test_a_link_of_a_claim_carries_its_token_in_a_header(broker: Broker) -> None:
    send(broker, queue="node.a", token=7)
    headers, _ = message(broker, "node.a")
    assert headers["laambda_token"] == 7


def test_a_link_that_claims_carries_none(broker: Broker) -> None:
    send(broker, queue="builds")
    headers, _ = message(broker, "builds")
    assert "laambda_token" not in headers


def test_monitors_see_app_version_and_build(broker: Broker) -> None:
    send(broker, queue="builds")
    headers, _ = message(broker, "builds")
    assert headers["argsrepr"] == label(BUILD) == "api v3 (build 12)"


def test_what_a_release_is_about_does_not_reach_the_broker(broker: Broker) -> None:
    send(broker, queue="builds")
    assert "secret" not in json.dumps(message(broker, "builds"))
