"""Following a build over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import pytest

from laambda.dispatch.requests import enqueue
from laambda.domain.build import BuildKind, NewBuild, Step
from laambda.errors import BuildFailed, NotFound
from laambda.ports import LinkContext
from tests.integration.api.house import API, LIMITS, House


def test_lines_come_while_the_build_runs(house: House) -> None:
    house.app()
    seen = threading.Event()

    def wait_for_the_reader(context: LinkContext) -> Mapping[str, Any]:
        context.recorder.headline("Python app detected")
        assert seen.wait(20)
        raise BuildFailed("no wheel for x", hint="Pin another version")

    house.worker.work[Step.EXTRACT] = wait_for_the_reader
    build = enqueue(house.services, NewBuild(API, BuildKind.PUSH, "jim", "Deploy", source="s", detached=True), LIMITS)
    lines = house.client.output(build.id)
    assert next(lines) == "-----> Python app detected"
    seen.set()
    assert list(lines) == [" !     no wheel for x", " !     Pin another version"]


def test_the_output_of_a_failed_build_exits_one_with_the_reason(house: House) -> None:
    house.app()

    def fail(_: LinkContext) -> Mapping[str, Any]:
        raise BuildFailed("no wheel for x")

    house.worker.work[Step.EXTRACT] = fail
    build = enqueue(house.services, NewBuild(API, BuildKind.PUSH, "jim", "Deploy", source="s", detached=True), LIMITS)
    said = house.laambda("builds:output", str(build.id))
    assert (said.code, said.out) == (1, " !     no wheel for x\n")


def test_a_build_that_is_not_there_has_no_output(house: House) -> None:
    with pytest.raises(NotFound, match="there is no build 7"):
        list(house.client.output(7))


def test_many_watchers_do_not_keep_others_waiting(house: House) -> None:
    house.app()
    go_on = threading.Event()

    def wait(context: LinkContext) -> Mapping[str, Any]:
        context.recorder.headline("waiting")
        assert go_on.wait(30)
        return {}

    house.worker.work[Step.EXTRACT] = wait
    build = enqueue(house.services, NewBuild(API, BuildKind.PUSH, "jim", "Deploy", source="s", detached=True), LIMITS)
    clients = [type(house.client)(house.url, house.token) for _ in range(60)]
    streams = [client.output(build.id) for client in clients]
    assert {next(stream) for stream in streams} == {"-----> waiting"}
    assert house.client.app("api")["app"] == "api"
    go_on.set()
    assert all("-----> Released v1" in list(stream) for stream in streams)
    for client in clients:
        client.close()
