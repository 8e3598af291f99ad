"""The token in the aliases: who writes it when, and who stops at it."""

from __future__ import annotations

import pytest

from laambda.domain.build import BuildState
from laambda.domain.release import ReleaseState
from laambda.errors import InvalidInput, LeaseLost
from laambda.release.fence import token_in
from tests.unit.release.conftest import Farm
from tests.unit.release.test_faults import BOTH, Killed, attempt

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


def marked(farm: Farm, token: int, *names: str) -> None:
    for name in names:
        farm.cloud.aliases.update(name, version=None, description=f"laambda token {token}", revision_id=None)


def tokens(farm: Farm) -> set[int]:
    return {token_in(held.alias.description) for held in farm.functions.held.values() if held.alias}


def test_a_higher_token_stops_a_deploy_that_was_taken_over_before_its_first_write(farm: Farm) -> None:
    farm.run(farm.push("one"))
    build = farm.push("two")

    def taken_over(when: str, call: str, name: str) -> None:
        farm.functions.around = lambda *_: None
        farm.taken_over(build)
        marked(farm, 99, "api-resize")
        seen.extend(writes(farm))

    seen: list[str] = []
    farm.functions.around = taken_over
    with pytest.raises(LeaseLost, match="taken over"):
        farm.deploy(build)
    assert seen == []


def test_a_counter_that_is_behind_the_aliases_is_raised_above_them(farm: Farm) -> None:
    farm.run(farm.push("one"))
    marked(farm, 5000, "api-create")
    marked(farm, 7000, "api-resize")
    assert farm.run(farm.push("two")).state is BuildState.SUCCEEDED
    assert farm.codes() == dict.fromkeys(BOTH, "sha-two")
    assert min(tokens(farm)) > 7000
    assert farm.push("three").token > 7000


def test_a_counter_that_is_behind_hinders_no_take_over_of_a_published_row(farm: Farm) -> None:
    farm.run(farm.push("one"))
    build = farm.push("two")

    def dies(when: str, call: str, name: str) -> None:
        if (when, call) == ("before", "update_alias"):
            raise Killed

    farm.functions.around = dies
    assert isinstance(attempt(farm, build), Killed)
    farm.functions.around = lambda *_: None
    marked(farm, 5000, *BOTH)
    assert farm.run(farm.taken_over(build)).state is BuildState.SUCCEEDED
    assert farm.codes() == dict.fromkeys(BOTH, "sha-two")
    assert min(tokens(farm)) > 5000


@pytest.mark.parametrize("call", ["publish", "update_alias"])
def test_a_higher_token_that_is_met_late_is_outbid_too(farm: Farm, call: str) -> None:
    farm.run(farm.push("one"))

    def written(when: str, called: str, name: str) -> None:
        if (when, called) == ("before", call):
            farm.functions.around = lambda *_: None
            marked(farm, 5000, *BOTH)

    build = farm.push("two")
    farm.functions.around = written
    assert farm.run(build).state is BuildState.SUCCEEDED
    assert (farm.codes(), farm.release(2).state) == (dict.fromkeys(BOTH, "sha-two"), ReleaseState.SUCCEEDED)
    assert min(tokens(farm)) > 5000


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
    assert token_in(f"laambda token {'9' * 19}") == 0, "no counter goes so far"
