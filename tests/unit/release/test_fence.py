"""The token in the aliases: who writes it when, and who stops at it."""

from __future__ import annotations

import pytest

from laambda.domain.build import BuildState
from laambda.errors import InvalidInput, LeaseLost
from laambda.release.fence import token_in
from tests.unit.release.conftest import Farm

READS = ("get", "get_alias", "version_settled")


def writes(farm: Farm) -> list[str]:
    """Fills with the writing calls that follow."""
    seen: list[str] = []
    farm.functions.around = lambda when, call, _: seen.append(call) if when == "before" and call not in READS else None
    return seen


def test_a_deploy_after_one_that_ended_well_writes_no_token_first(farm: Farm) -> None:
    farm.run(farm.push("one"))
    seen = writes(farm)
    farm.run(farm.push("two"))
    assert seen == ["update_code", "publish"] * 2 + ["update_alias"] * 2


def test_a_deploy_after_one_that_was_given_up_writes_its_token_before_all_else(farm: Farm) -> None:
    farm.run(farm.push("one"))
    given_up = farm.push("two")
    farm.deploy(given_up)
    with farm.services.database.write() as tx:
        tx.leases.hand_back(given_up.id, given_up.token, counted=True)
    farm.run(farm.taken_over(given_up))
    seen = writes(farm)
    farm.run(farm.push("three"))
    assert seen[:3] == ["update_alias", "update_alias", "update_code"]


def test_each_alias_holds_the_token_of_the_deploy_that_moved_it(farm: Farm) -> None:
    build = farm.push("one")
    farm.run(build)
    first = {token_in(held.alias.description) for held in farm.functions.held.values() if held.alias}
    farm.run(farm.push("two"))
    descriptions = [held.alias.description for held in farm.functions.held.values() if held.alias]
    assert len({token_in(text) for text in descriptions}) == 1
    assert token_in(descriptions[0]) > max(first) > build.token


def test_a_push_that_was_claimed_first_and_deploys_last_wins(farm: Farm) -> None:
    farm.run(farm.push("one"))
    building = farm.push("two")
    farm.run(farm.config(STAGE="blue"))
    assert farm.run(building).state is BuildState.SUCCEEDED
    assert set(farm.codes().values()) == {"sha-two"}


def test_a_higher_token_stops_a_deploy_before_its_first_write(farm: Farm) -> None:
    farm.run(farm.push("one"))
    alias = farm.cloud.aliases.get("api-resize")
    assert alias is not None
    farm.cloud.aliases.update("api-resize", version=None, description="laambda token 99", revision_id=None)
    seen = writes(farm)
    with pytest.raises(LeaseLost, match="99"):
        farm.deploy(farm.push("two"))
    assert seen == []


def test_a_stale_worker_does_not_undo_what_a_take_over_finished(farm: Farm) -> None:
    farm.run(farm.push("one"))
    build = farm.push("two")

    def refused(when: str, call: str, name: str) -> None:
        if (when, call, name) == ("before", "update_alias", "api-resize"):
            raise InvalidInput("refused")
        if call == "get_alias":  # the stale worker is about to move api-create back
            farm.functions.around = lambda *_: None
            farm.run(farm.taken_over(build))

    farm.functions.around = refused
    with pytest.raises(LeaseLost):
        farm.deploy(build)
    assert farm.codes() == {"api-create": "sha-two", "api-resize": "sha-two"}
    assert farm.row(build).state is BuildState.SUCCEEDED


def test_a_stale_worker_writes_no_setting_after_a_newer_deploy(farm: Farm) -> None:
    farm.run(farm.push("one", {"create": "Old.handler"}))
    build = farm.push("two", {"create": "New.handler"})

    def outlived(when: str, call: str, name: str) -> None:
        if (when, call) == ("after", "update_code"):
            farm.functions.around = lambda *_: None
            farm.fails(build, BuildState.ERRORED)
            farm.run(farm.push("three", {"create": "Old.handler"}))

    farm.functions.around = outlived
    with pytest.raises(LeaseLost):
        farm.deploy(build)
    assert farm.functions.held["api-create"].content.settings.handler == "Old.handler"
    assert farm.codes() == {"api-create": "sha-three"}


def test_a_description_that_is_not_ours_holds_no_token() -> None:
    assert [token_in(text) for text in ("", "token 7", "laambda token 7", "laambda token 7b")] == [0, 0, 7, 0]
