"""What a notifier promises: the fake and the webhook alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from laambda.cloud.webhook import Webhook
from laambda.domain.build import Build, BuildKind, BuildState
from laambda.domain.names import Scope
from laambda.ports import Notifier
from tests.fakes.notifier import FakeNotifier
from tests.web_fixture import WebServer

BUILD = Build(Scope("api"), BuildKind.PUSH, "ada", "Deploy", id=7, state=BuildState.FAILED, error="no Procfile")


@pytest.fixture(params=["fake", "webhook"])
def notifier(request: pytest.FixtureRequest) -> tuple[Notifier, Callable[[], int]]:
    """A notifier, and what gives the id of the build that people heard of next."""
    if request.param == "fake":
        fake = FakeNotifier()
        return fake, lambda: fake.told[-1].id
    server: WebServer = request.getfixturevalue("web_server")
    return Webhook(server.url), lambda: int(server.next().document["build"])


class TestNotifier:
    def test_a_failed_build_is_told_of(self, notifier: tuple[Notifier, Callable[[], int]]) -> None:
        tell, heard = notifier
        tell.build_failed(BUILD)
        assert heard() == 7
