"""Destroying an app: what goes, what stays, and when it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from laambda.dispatch.requests import enqueue
from laambda.domain.build import BuildKind, NewBuild, Step
from laambda.errors import Conflict, NotFound
from laambda.ports import LinkContext
from laambda.release.deploy import deploy
from laambda.release.published import Undone
from tests.integration.api.house import API, LIMITS, House


def test_an_app_that_builds_is_not_destroyed(house: House) -> None:
    house.app()
    house.push()
    house.worker.send = lambda *_, **__: None  # type: ignore[method-assign]
    waiting = enqueue(house.services, NewBuild(API, BuildKind.PUSH, "jim", "Deploy", source="s", detached=True), LIMITS)
    with pytest.raises(Conflict, match=f"build {waiting.id} of api is queued"):
        house.client.destroy_app("api")
    assert sorted(house.functions.held) == ["api-create", "api-resize"]


def test_functions_of_a_first_deploy_that_failed_half_way_go_too(house: House) -> None:
    house.app()

    def fail_after(context: LinkContext) -> Mapping[str, Any]:
        deploy(context)
        raise Undone("refused")

    house.worker.work[Step.DEPLOY] = fail_after
    house.push()
    assert house.client.app("api")["live"] == 0
    assert house.client.destroy_app("api") == ["api-create", "api-resize"]
    assert house.functions.held == {}


def test_an_app_of_the_same_name_starts_anew(house: House) -> None:
    house.app()
    house.push()
    house.client.destroy_app("api")
    with pytest.raises(NotFound):
        house.client.releases("api")
    house.app()
    assert house.client.releases("api") == []
    house.push()
    assert house.client.release("api")["version"] == 1
