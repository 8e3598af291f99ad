"""Running a function and reading what it wrote, through the adapters, on the local cloud."""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from laambda.cloud.target import target_cloud
from laambda.domain.app import Target
from laambda.domain.function import Invocation
from laambda.errors import NotFound
from laambda.ports import TargetCloud
from tests.cloud_fixture import RunningCloud
from tests.contract.test_functions import SETTINGS, Place
from tests.fakes.functions import fake_cloud

HERE = f"python3.{sys.version_info.minor}"


@pytest.fixture(params=["fake", "local-cloud"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A function's place on the fake, and on the local cloud."""
    if request.param == "fake":
        return Place(fake_cloud(tmp_path), "api-web")
    place: Place = request.getfixturevalue("place")
    return place


@pytest.fixture
def place(local_cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> Place:
    for variable, value in local_cloud.environment.items():
        monkeypatch.setenv(variable, value)
    return Place(target_cloud(Target(), bucket="contract"), f"api-{uuid.uuid4().hex[:8]}")


def live(place: Place, handler: str = "app.handler") -> TargetCloud:
    """The function of ``place`` with its alias."""
    wanted = replace(place.wanted("hello"), settings=replace(SETTINGS, runtime=HERE, handler=handler))
    place.cloud.functions.create(wanted, "api/production")
    place.cloud.aliases.create(place.name, place.published(place.settled()), "")
    return place.cloud


def test_the_alias_answers_with_its_version_and_log(place: Place) -> None:
    answer = live(place).invoker.invoke(place.name, b"{}")
    assert (json.loads(answer.payload), answer.error, answer.executed_version) == ("hello", "", "1")
    assert "REPORT RequestId" in answer.log_tail


def test_a_failing_handler_is_an_answer(place: Place) -> None:
    answer: Invocation = live(place, "app.missing").invoker.invoke(place.name, b"{}")
    assert answer.error
    assert "missing" in json.loads(answer.payload)["errorMessage"]


def test_the_alias_says_which_version_answered(either: Place) -> None:
    answer = live(either).invoker.invoke(either.name, b"{}")
    assert (answer.error, answer.executed_version) == ("", "1")
    assert answer.log_tail.startswith("START RequestId")


def test_a_function_without_the_alias_is_not_found(either: Place) -> None:
    with pytest.raises(NotFound):
        either.cloud.invoker.invoke(either.name, b"{}")


def test_what_it_wrote_is_read_oldest_first_up_to_a_limit(either: Place) -> None:
    cloud, place = live(either), either
    since = datetime.now(UTC) - timedelta(minutes=1)
    assert list(cloud.logs.lines(place.name, since=since, limit=10)) == []
    cloud.invoker.invoke(place.name, b"{}")
    lines = list(cloud.logs.lines(place.name, since=since, limit=100))
    assert lines == sorted(lines, key=lambda line: line.at)
    assert any(line.message.startswith("START RequestId") for line in lines)
    assert len(list(cloud.logs.lines(place.name, since=since, limit=1))) == 1
    assert list(cloud.logs.lines(place.name, since=datetime.now(UTC) + timedelta(minutes=1), limit=9)) == []
