"""A deploy from its start to its release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from laambda.domain.build import BuildKind, BuildState
from laambda.domain.config import ConfigVars
from laambda.domain.release import ReleaseState
from laambda.errors import Conflict, Unavailable
from laambda.release.deploy import deploy
from laambda.release.plan import NotOurs
from tests.unit.release.conftest import API, Farm, main

BOTH = ("api-create", "api-resize")


def test_a_first_push_makes_functions_aliases_and_a_release(farm: Farm) -> None:
    ended = farm.run(farm.push("one", refs=main("0", "a")))
    assert ended.state is BuildState.SUCCEEDED
    assert farm.codes() == dict.fromkeys(BOTH, "sha-one")
    release = farm.release(1)
    assert [(each.name, each.lambda_version) for each in release.functions] == [(name, "1") for name in BOTH]
    assert (release.state, release.slug, farm.app().live) == (ReleaseState.SUCCEEDED, "one", 1)
    assert farm.refs() == {"refs/heads/main": "a" * 40}


def test_a_second_push_moves_the_aliases_to_new_versions(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.run(farm.push("two"))
    assert farm.codes() == dict.fromkeys(BOTH, "sha-two")
    assert [each.lambda_version for each in farm.release(2).functions] == ["2", "2"]


def test_the_push_is_told_what_changes_and_what_was_released(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.told.lines.clear()
    farm.run(farm.push("two", {"create": "Other.handler"}))
    assert farm.told.lines == [
        "-----> Deploying v2",
        "       api-create  code, handler CreateThumbnail.handler -> Other.handler",
        "-----> Released v2",
        "       api-create",
        "       api-resize is not in this release any more: it keeps its versions, nothing new reaches it",
    ]


def test_the_same_push_again_changes_no_function(farm: Farm) -> None:
    farm.run(farm.push("one"))
    calls: list[str] = []
    farm.functions.around = lambda when, call, _: calls.append(call)
    farm.run(farm.push("one"))
    assert {"create", "update_code", "update_settings", "publish"}.isdisjoint(calls)
    assert [each.lambda_version for each in farm.release(2).functions] == ["1", "1"]


def test_no_alias_moves_before_every_version_is_active(farm: Farm) -> None:
    farm.run(farm.push("one"))
    calls: list[str] = []

    def slow(when: str, call: str, name: str) -> None:
        calls.append(call)
        if call == "version_settled" and when == "before" and calls.count(call) < 4:
            raise Unavailable("not yet known")

    farm.functions.around = slow
    farm.run(farm.push("two"))
    last_version = len(calls) - 1 - calls[::-1].index("version_settled")
    assert calls.index("update_alias") > last_version
    assert calls.count("version_settled") == 7


def test_a_config_change_makes_a_release_of_the_same_code(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.run(farm.config(STAGE="blue", KEY="s3cret"))
    farm.run(farm.config(unset=("STAGE",)))
    release = farm.release(3)
    assert (release.slug, release.description, farm.app().config_id) == ("one", "Config unset STAGE", release.config_id)
    digests = {farm.functions.served(name).config_digest for name in BOTH}  # type: ignore[union-attr]
    assert digests == {farm_digest(KEY="s3cret")}


def test_a_push_after_a_config_change_keeps_the_config(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.run(farm.config(STAGE="blue"))
    farm.run(farm.push("two"))
    assert farm.functions.served("api-create").config_digest == farm_digest(STAGE="blue")  # type: ignore[union-attr]


def test_a_rollback_only_moves_aliases_and_brings_the_config_back(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.run(farm.config(STAGE="blue"))
    farm.run(farm.push("two"))
    calls: list[str] = []
    farm.functions.around = lambda when, call, _: calls.append(call) if when == "after" else None
    farm.run(farm.roll_back(1))
    assert sorted(set(calls)) == ["get", "update_alias", "version_settled"]
    assert farm.codes() == dict.fromkeys(BOTH, "sha-one")
    release = farm.release(4)
    assert (release.description, release.slug, release.config_id) == ("Rollback to v1", "one", None)
    assert farm.app().config_id is None


def test_a_rollback_goes_first_where_requests_are_scarce(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.run(farm.push("two"))
    spent: Any = None
    scarce = replace(farm.cloud, functions=spent, aliases=spent, first=farm.cloud)
    build = farm.roll_back(1)
    services = replace(farm.services, cloud=lambda _: scarce)
    farm.record(build, deploy(replace(farm.context(build), services=services), farm.pace))
    assert farm.codes() == dict.fromkeys(BOTH, "sha-one")


def test_a_rollback_makes_a_pruned_version_again(farm: Farm) -> None:
    farm.run(farm.push("one"))
    farm.run(farm.push("two"))
    del farm.functions.held["api-resize"].versions["1"]
    farm.run(farm.roll_back(1))
    assert farm.codes() == dict.fromkeys(BOTH, "sha-one")
    assert [each.lambda_version for each in farm.release(3).functions] == ["1", "3"]


def test_a_rollback_to_a_failed_release_is_refused(farm: Farm) -> None:
    build = farm.push("one")
    farm.deploy(build)
    farm.fails(build)
    farm.run(farm.push("two"))
    with pytest.raises(Conflict, match="v1 of api never went live"):
        farm.deploy(farm.roll_back(1))


def test_a_function_of_somebody_else_is_not_touched(farm: Farm) -> None:
    farm.run(farm.push("one"))
    for owner in ("", "other/production"):
        farm.functions.held["api-resize"].owner = owner
        build = farm.push("two")
        calls: list[str] = []
        farm.functions.around = lambda when, call, _, calls=calls: calls.append(call)  # type: ignore[misc]
        with pytest.raises(NotOurs, match="api-resize"):
            farm.deploy(build)
        assert set(calls) == {"get"}
        farm.fails(build)
    assert farm.codes() == dict.fromkeys(BOTH, "sha-one")


def test_a_failed_deploy_spends_its_version_and_frees_its_refs(farm: Farm) -> None:
    farm.run(farm.push("one", refs=main("0", "a")))
    farm.functions.held["api-resize"].owner = ""
    build = farm.push("two", refs=main("a", "b"))
    with pytest.raises(NotOurs):
        farm.deploy(build)
    farm.fails(build)
    assert farm.release(2).state is ReleaseState.FAILED
    farm.functions.held["api-resize"].owner = API.owner_tag
    assert farm.run(farm.push("three", refs=main("a", "c"))).version == 3
    assert (farm.app().live, farm.refs()) == (3, {"refs/heads/main": "c" * 40})


def test_a_ref_that_moved_meanwhile_stops_the_deploy_before_it_begins(farm: Farm) -> None:
    farm.run(farm.push("one", refs=main("0", "a")))
    build = farm.push("two", refs=(main("d", "b")))
    with pytest.raises(Conflict, match="main"):
        farm.deploy(build)
    assert farm.row(build).version is None
    assert farm.codes() == dict.fromkeys(BOTH, "sha-one")


def test_a_detached_push_moves_no_ref(farm: Farm) -> None:
    with farm.services.database.write() as tx:
        tx.refs.move(API, main("0", "a"))
    farm.run(farm.push("one", refs=main("0", "a"), detached=True))
    assert farm.refs() == {"refs/heads/main": "a" * 40}


@pytest.mark.parametrize("there", [True, False])
def test_a_retry_moves_its_ref_unless_it_is_there_already(farm: Farm, there: bool) -> None:
    if there:
        with farm.services.database.write() as tx:
            tx.refs.move(API, main("0", "a"))
    farm.run(farm.push("one", kind=BuildKind.RETRY, refs=main("0", "a")))
    assert farm.refs() == {"refs/heads/main": "a" * 40}


def test_throttled_calls_are_tried_again(farm: Farm) -> None:
    refusals = iter(range(6))

    def throttle(when: str, call: str, name: str) -> None:
        if when == "before" and next(refusals, None) is not None:
            raise Unavailable("too many requests")

    farm.functions.around = throttle
    assert farm.run(farm.push("one")).state is BuildState.SUCCEEDED


def test_a_cloud_that_stays_away_is_ours_to_mend(farm: Farm) -> None:
    def away(when: str, call: str, name: str) -> None:
        raise Unavailable("no answer")

    farm.functions.around = away
    with pytest.raises(Unavailable, match="could not be changed for 3 s"):
        farm.deploy(farm.push("one"))


def test_nothing_secret_is_in_results_or_lines(farm: Farm) -> None:
    farm.run(farm.push("one"))
    ended = farm.run(farm.config(KEY="s3cret"))
    assert "s3cret" not in repr((ended, farm.release(2), farm.told.lines))


def farm_digest(**config: str) -> str:
    """As the cloud's environment is compared."""
    return ConfigVars(config).digest
