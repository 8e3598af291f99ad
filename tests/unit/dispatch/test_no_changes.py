"""A build that would make what is live again does not run; and a push whose ref moved meanwhile does not either."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from laambda.build.unchanged import build_settings
from laambda.dispatch.link import run_link
from laambda.dispatch.requests import roll_back
from laambda.domain.build import Build, BuildKind, BuildState, NewBuild, Phase, Step, phase_of
from laambda.domain.refs import ZERO, RefUpdate
from laambda.domain.release import Release, ReleaseState
from laambda.ports import LinkContext
from tests.unit.dispatch.conftest import API, House, nothing
from tests.unit.dispatch.test_link import never

ONE, TWO = "1" * 40, "2" * 40


def released(house: House, tree: str, *, unpinned: bool = False) -> int:
    """Push ``tree`` through all its links, without a cloud; gives vN."""
    build, token = house.push(tree=tree), None
    for step in (step for step in Step if phase_of(step) is Phase.BUILDING):
        held = house.run(build, step, lambda context, step=step: made(context, step, unpinned), token=token)
        assert held is not None
        token = held.token
    return deployed(house, house.row(build.id))


def made(context: LinkContext, step: Step, unpinned: bool) -> Mapping[str, Any]:
    """What the real links leave that matters here."""
    now = context.build.claimed_at
    assert now is not None
    return {
        Step.BUILD: {"settings": build_settings(context), "locked": now.timestamp() if unpinned else None},
        Step.UPLOAD: {"slug": f"slug of {context.build.tree[0]}"},
    }.get(step, {})


def deployed(house: House, build: Build) -> int:
    with house.services.database.write() as tx:
        assert tx.leases.start_link(build.id, build.token, Step.DEPLOY, lease=30)
        version = tx.versions.take(API)
        assert tx.leases.enter_deploy(build.id, build.token, version=version, config_id=None)
        slug = f"slug of {build.tree[0]}"
        pending = Release(API, version, ReleaseState.PENDING, build.kind, build.id, "", "jim", house.clock())
        tx.releases.add(replace(pending, tree=build.tree, slug=slug))
        tx.releases.settle(API, version, ReleaseState.SUCCEEDED)
        tx.versions.set_live(API, version, None)
        assert tx.leases.finish(build.id, build.token, BuildState.SUCCEEDED)
    return version


def rolled_back(house: House, version: int) -> int:
    build = roll_back(house.services, API, version, "jim", house.limits)
    with house.services.database.write() as tx:
        held = tx.leases.claim(build.id, node="a", lease=30, attempts=3)
    assert held is not None
    return deployed(house, held)


def move_main(house: House, old: str, new: str) -> None:
    with house.services.database.write() as tx:
        tx.refs.move(API, (RefUpdate("refs/heads/main", old, new),))


def builds(house: House, build: Build) -> bool:
    """Whether the first link works; a build that does not has ended well, without a release."""
    worked: list[Step] = []
    house.run(build, Step.EXTRACT, lambda context: worked.append(context.build.step) or {})
    row = house.row(build.id)
    assert bool(worked) == (row.state is BuildState.RUNNING)
    assert worked or (row.state, row.version, row.error) == (BuildState.SUCCEEDED, None, "")
    return bool(worked)


def test_a_tree_that_is_live_is_not_built_again_and_its_refs_move(house: House) -> None:
    released(house, ONE)
    build = house.push(tree=ONE, detached=False, refs=(RefUpdate("refs/heads/main", ZERO, TWO),))
    assert not builds(house, build)
    assert house.output.said(build.id) == ["-----> No changes, v1 stays live"]
    assert house.output.closed(build.id)
    with house.services.database.read() as tx:
        assert tx.refs.all(API) == {"refs/heads/main": TWO}
        assert (tx.apps.get(API).live, tx.apps.get(API).version) == (1, 1)


def test_a_retry_of_what_is_live_is_not_built_again(house: House) -> None:
    released(house, ONE)
    assert not builds(house, house.push(tree=ONE, kind=BuildKind.RETRY, detached=False))


def test_another_tree_is_built(house: House) -> None:
    released(house, ONE)
    assert builds(house, house.push(tree=TWO))


def test_after_a_rollback_only_the_tree_that_came_back_is_live(house: House) -> None:
    released(house, ONE)
    released(house, TWO)
    assert rolled_back(house, 1) == 3
    same = house.push(tree=ONE)
    assert not builds(house, same)
    assert house.output.said(same.id) == ["-----> No changes, v3 stays live"]
    assert builds(house, house.push(tree=TWO))


def test_no_cache_builds_what_is_live(house: House) -> None:
    released(house, ONE)
    assert builds(house, house.push(tree=ONE, no_cache=True))


def test_a_lock_that_grew_old_is_made_again(house: House) -> None:
    released(house, ONE, unpinned=True)
    house.clock.pass_(house.node().lock_age)
    assert not builds(house, house.push(tree=ONE))
    house.clock.pass_(1)
    assert builds(house, house.push(tree=ONE))


def test_a_lock_of_hashes_never_grows_old(house: House) -> None:
    released(house, ONE)
    house.clock.pass_(10 * house.node().lock_age)
    assert not builds(house, house.push(tree=ONE))


def test_another_default_runtime_builds(house: House) -> None:
    released(house, ONE)
    build = house.push(tree=ONE)
    node = replace(house.node(), default_runtime="python3.12")
    assert run_link(house.services, node, house.limits, build.id, Step.EXTRACT, nothing, None) is not None


def test_a_rollback_on_its_way_means_that_nothing_is_known(house: House) -> None:
    released(house, ONE)
    released(house, TWO)
    with house.services.database.write() as tx:
        tx.builds.add(NewBuild(API, BuildKind.ROLLBACK, "jim", "Rollback to v1", target_version=1))
    assert builds(house, house.push(tree=TWO))


@pytest.mark.parametrize("tree", [ONE, TWO])
def test_a_push_whose_ref_moved_while_it_waited_is_refused_unbuilt(house: House, tree: str) -> None:
    released(house, ONE)
    move_main(house, ZERO, ONE)
    build = house.push(tree=tree, detached=False, refs=(RefUpdate("refs/heads/main", ONE, TWO),))
    move_main(house, ONE, "abc1234" + "0" * 33)
    assert house.run(build, Step.EXTRACT, never) is None
    row = house.row(build.id)
    assert (row.state, row.error) == (BuildState.FAILED, "main moved to abc1234, fetch first")
    assert house.output.said(build.id) == [" !     main moved to abc1234, fetch first"]
