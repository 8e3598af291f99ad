"""What the next release shall be, from the releases before."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from laambda.domain.app import App, Target
from laambda.domain.build import Build, BuildKind
from laambda.domain.function import FunctionSettings
from laambda.domain.release import Release, ReleasedFunction, ReleaseState
from laambda.errors import Conflict, PlatformError
from laambda.release.wanted import default_description, known_versions, retired, shape_of
from tests.unit.release.conftest import API, ROLE

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
APP = App(API, ROLE, NOON, "ada", version=4, live=4)
NETWORK = Target(subnets=("subnet-1",), security_groups=("sg-1",))
WEB = ReleasedFunction(
    "web", "api-web", FunctionSettings("python3.11", "old.web", "arn:old", timeout=60, memory=512), "4", "sha-4"
)
LIVE = Release(
    API, 4, ReleaseState.SUCCEEDED, BuildKind.PUSH, 1, "", "ada", NOON, slug="s4", config_id=7, functions=(WEB,)
)


def pushed() -> Build:
    processes = [{"name": "web", "handler": "new.web"}, {"name": "work", "handler": "new.work"}]
    results = {
        "detect": {"runtime": "python3.13", "architecture": "arm64", "processes": processes},
        "upload": {"slug": "s5", "key": "slugs/s5.zip", "sha256": "sha-5", "size": 5},
    }
    return Build(API, BuildKind.PUSH, "ada", "", id=2, results=results, commit="c" * 40)


def build(kind: BuildKind, target: int | None = None) -> Build:
    return Build(API, kind, "ada", "", id=2, target_version=target)


def test_a_push_brings_code_and_handlers_and_keeps_timeout_and_memory() -> None:
    web, work = shape_of(pushed(), APP, NETWORK, LIVE, None).functions
    assert (web.settings.handler, web.settings.timeout, web.settings.memory) == ("new.web", 60, 512)
    assert (work.name, work.settings.timeout, work.settings.memory) == ("api-work", 10, 1024)
    assert {each.code_sha256 for each in (web, work)} == {"sha-5"}


def test_role_and_network_are_those_of_now() -> None:
    for each in (pushed(), build(BuildKind.CONFIG)):
        settings = shape_of(each, APP, NETWORK, LIVE, None).functions[0].settings
        assert (settings.role, settings.subnets, settings.security_groups) == (ROLE, ("subnet-1",), ("sg-1",))


def test_a_rollback_brings_an_earlier_release_as_it_was() -> None:
    shape = shape_of(build(BuildKind.ROLLBACK, 4), APP, NETWORK, None, LIVE)
    assert (shape.functions, shape.slug, shape.key) == ((WEB,), "s4", "slugs/s4.zip")


@pytest.mark.parametrize("state", [ReleaseState.FAILED, ReleaseState.PENDING])
def test_a_release_that_never_went_live_is_no_rollback_target(state: ReleaseState) -> None:
    with pytest.raises(Conflict, match="v4 of api never went live"):
        shape_of(build(BuildKind.ROLLBACK, 4), APP, NETWORK, None, replace(LIVE, state=state))


def test_a_config_change_needs_a_release() -> None:
    with pytest.raises(Conflict, match="no release yet"):
        shape_of(build(BuildKind.CONFIG), APP, NETWORK, None, None)


def test_a_push_without_the_results_of_its_links_is_ours_to_mend() -> None:
    with pytest.raises(PlatformError, match="detect"):
        shape_of(build(BuildKind.PUSH), APP, NETWORK, None, None)


def test_versions_are_known_only_where_nothing_differs() -> None:
    same = shape_of(build(BuildKind.ROLLBACK, 4), APP, NETWORK, None, LIVE)
    assert known_versions(same, 7, LIVE, None) == {"api-web": "4"}
    assert known_versions(same, 8, LIVE, None) == {}
    changed = replace(same, functions=(replace(WEB, code_sha256="other"),))
    assert known_versions(changed, 7, LIVE, None) == {}


def test_functions_that_the_procfile_lost_are_retired() -> None:
    shape = replace(shape_of(pushed(), APP, NETWORK, LIVE, None), functions=())
    assert [each.name for each in retired(shape, LIVE)] == ["api-web"]


def test_descriptions_say_what_was_done() -> None:
    assert default_description(build(BuildKind.ROLLBACK, 4)) == "Rollback to v4"
    assert default_description(pushed()) == "Deploy ccccccc"
