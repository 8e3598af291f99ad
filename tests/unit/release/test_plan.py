"""The plan: what is called for what, and that it leads where it says."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from laambda.domain.config import ConfigVars
from laambda.domain.function import Alias, Architecture, CodeLocation, FunctionSettings, LiveFunction, WantedFunction
from laambda.release.apply import Applier
from laambda.release.fence import Fence
from laambda.release.plan import NotOurs, Publish, UpdateCode, UpdateSettings, plan
from tests.fakes.functions import Content, FakeAliases, FakeLambda
from tests.unit.release.conftest import HeldLease, fast

OWNER = "api/production"
SETTINGS = FunctionSettings("python3.13", "app.web", "arn:aws:iam::123456789012:role/lambda")
WANTED = WantedFunction("web", "api-web", SETTINGS, ConfigVars({"KEY": "s3cret"}), CodeLocation("b", "k", "sha", 1))
LIVE = LiveFunction(
    "api-web", SETTINGS, "sha", WANTED.config.digest, "r1", settled=True, owner=OWNER, alias=Alias("4", "", "r0")
)


def calls(live: LiveFunction | None, wanted: WantedFunction = WANTED) -> list[str]:
    return [type(call).__name__ for call in plan([wanted], {"api-web": live}, OWNER).calls]


def test_a_new_function_is_created_published_and_named() -> None:
    assert calls(None) == ["CreateFunction", "Publish", "CreateAlias"]


def test_only_what_differs_is_updated() -> None:
    assert calls(replace(LIVE, code_sha256="old")) == ["UpdateCode", "Publish", "MoveAlias"]
    assert calls(replace(LIVE, config_digest="old")) == ["UpdateSettings", "Publish", "MoveAlias"]
    assert calls(LIVE) == ["Publish", "MoveAlias"]


def test_the_architecture_travels_with_the_code() -> None:
    arm = replace(WANTED, settings=replace(SETTINGS, architecture=Architecture.ARM64))
    assert calls(LIVE, arm) == ["UpdateCode", "Publish", "MoveAlias"]


def test_a_function_whose_last_update_failed_is_updated_again() -> None:
    assert calls(replace(LIVE, failure="no such subnet")) == ["UpdateSettings", "Publish", "MoveAlias"]


def test_a_known_version_needs_no_more_than_its_alias() -> None:
    back = plan([WANTED], {"api-web": replace(LIVE, code_sha256="other")}, OWNER, {"api-web": "2"})
    assert back.lines() == ["api-web", "  [~] live 4 -> 2"]
    assert not plan([WANTED], {"api-web": LIVE}, OWNER, {"api-web": "4"})


@pytest.mark.parametrize("owner", ["", "other/production", "api/staging"])
def test_a_function_of_another_owner_is_refused_by_name(owner: str) -> None:
    with pytest.raises(NotOurs, match="api-web"):
        plan([WANTED], {"api-web": replace(LIVE, owner=owner)}, OWNER)


def test_a_dry_run_reads_as_a_list_of_changes() -> None:
    wanted = replace(WANTED, settings=replace(SETTINGS, memory=2048, subnets=("subnet-1",)))
    live = replace(LIVE, code_sha256="before", config_digest="other")
    assert plan([wanted], {"api-web": live}, OWNER).lines() == [
        "api-web",
        "  [~] code before -> sha",
        "  [~] memory 1024 -> 2048",
        "  [~] subnets none -> subnet-1",
        "  [~] config vars",
        "  [+] a published version",
        "  [~] live 4 -> the published version",
    ]


def test_no_value_of_a_config_var_is_in_a_plan() -> None:
    made = plan([WANTED], {"api-web": None}, OWNER)
    assert "s3cret" not in repr(made) + "".join(made.lines())


contents = some.builds(
    Content,
    settings=some.builds(
        FunctionSettings,
        runtime=some.sampled_from(["python3.11", "python3.13"]),
        handler=some.sampled_from(["app.web", "app.work"]),
        role=some.just(SETTINGS.role),
        architecture=some.sampled_from(Architecture),
        timeout=some.integers(1, 900),
        memory=some.sampled_from([128, 1024]),
    ),
    code_sha256=some.sampled_from(["sha-1", "sha-2"]),
    config_digest=some.sampled_from([ConfigVars().digest, ConfigVars({"A": "1"}).digest]),
)
names = some.lists(some.sampled_from(["api-a", "api-b", "api-c"]), min_size=1, unique=True)


def as_wanted(name: str, content: Content) -> WantedFunction:
    config = ConfigVars({"A": "1"}) if content.config_digest == ConfigVars({"A": "1"}).digest else ConfigVars()
    return WantedFunction(name, name, content.settings, config, CodeLocation("b", "k", content.code_sha256, 1))


@settings(max_examples=150, deadline=None)
@given(names=names, data=some.data(), settle=some.integers(0, 3))
def test_what_is_planned_and_applied_is_live_and_planned_again_is_nothing(
    names: list[str], data: some.DataObject, settle: int
) -> None:
    functions = FakeLambda(settle=settle)
    fence = Fence(1, FakeAliases(functions), HeldLease(1), fast())
    applier = Applier(functions, fence, OWNER, "v1", fast())
    for _ in range(2):
        wanted = [as_wanted(name, data.draw(contents)) for name in names]
        versions = {each.name: applier.prepare(each, applier.read(each.name)) for each in wanted}
        for name, version in versions.items():
            fence.point(name, version)
        live = {name: applier.read(name) for name in names}
        assert {name: functions.served(name) for name in names} == {
            each.name: Content(each.settings, each.code.sha256, each.config.digest) for each in wanted
        }
        assert not plan(wanted, live, OWNER, versions)
        again = plan(wanted, live, OWNER)
        assert not [call for call in again.calls if isinstance(call, UpdateCode | UpdateSettings)]
        assert [type(call) for function in again.functions for call in function.version_calls] == [Publish] * len(names)
