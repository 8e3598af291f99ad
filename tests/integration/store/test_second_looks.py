"""Second looks: asked for, taken once, and never beside a deploy of the same app."""

from __future__ import annotations

import threading
from dataclasses import replace

from laambda.domain.build import BuildKind, BuildState
from laambda.domain.names import Scope
from laambda.domain.release import SecondLook
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API, SHOP
from tests.integration.store.rows import LONG, OVER, Rows


def ask(database: SqlDatabase, *scopes: Scope) -> None:
    for scope in scopes:
        with database.write() as tx:
            tx.second_looks.ask(scope)


def take(database: SqlDatabase, *, after: float = 0.0, hold: float = LONG) -> SecondLook | None:
    with database.write() as tx:
        return tx.second_looks.take(after=after, hold=hold)


def under_way(database: SqlDatabase, scope: Scope = API) -> bool:
    with database.read() as tx:
        return tx.second_looks.under_way(scope)


def test_each_app_is_taken_once_oldest_first_with_a_growing_token(database: SqlDatabase) -> None:
    ask(database, SHOP, API)
    first, second = take(database), take(database)
    assert first is not None
    assert second is not None
    assert (first.scope, second.scope) == (SHOP, API)
    assert second.token > first.token
    assert under_way(database)
    assert take(database) is None


def test_none_is_taken_before_its_time_and_asking_again_starts_the_time_anew(database: SqlDatabase) -> None:
    ask(database, API, API)
    assert take(database, after=LONG) is None
    assert not under_way(database)
    assert take(database) is not None


def test_a_hold_that_ended_is_anothers_and_the_first_ends_nothing(database: SqlDatabase) -> None:
    ask(database, API)
    first, second = take(database, hold=OVER), take(database)
    assert first is not None
    assert second is not None
    with database.write() as tx:
        assert not tx.second_looks.done(first)
        tx.second_looks.put_off(first)
    assert under_way(database)
    with database.write() as tx:
        assert tx.second_looks.done(second)
    assert not under_way(database)
    assert take(database) is None


def test_a_look_that_was_put_off_is_taken_again(database: SqlDatabase) -> None:
    ask(database, API)
    first = take(database)
    assert first is not None
    with database.write() as tx:
        tx.second_looks.put_off(first)
    assert not under_way(database)
    assert take(database) is not None


def test_an_app_whose_deploy_has_begun_is_left_alone_until_its_end(database: SqlDatabase) -> None:
    rows = Rows(database)
    ask(database, API)
    build = rows.claimed(rows.add(BuildKind.ROLLBACK, target_version=1))
    assert rows.enter_deploy(build)
    rows.expire(build)
    assert take(database) is None
    assert (taken := rows.claimed(build))
    with database.write() as tx:
        assert tx.leases.finish(taken.id, taken.token, BuildState.FAILED)
    assert take(database) is not None


def test_a_deploy_that_begins_while_a_look_is_being_taken_sees_it(database: SqlDatabase) -> None:
    ask(database, API)
    seen: list[bool] = []

    def begin() -> None:
        with database.write() as tx:
            tx.versions.take(API)
            seen.append(tx.second_looks.under_way(API))

    deploy = threading.Thread(target=begin)
    with database.write() as tx:
        assert tx.second_looks.take(after=0, hold=LONG) is not None
        deploy.start()
        deploy.join(0.2)
        assert seen == []
    deploy.join(30)
    assert seen == [True]


def test_a_look_goes_with_its_app(database: SqlDatabase) -> None:
    ask(database, API)
    with database.write() as tx:
        tx.apps.destroy(API)
    assert take(database) is None


def test_claimed_names_are_listed_and_given_up(database: SqlDatabase) -> None:
    with database.write() as tx:
        tx.apps.claim_functions(API, ["api-b", "api-a"])
        tx.apps.claim_functions(SHOP, ["shop-a"])
        tx.apps.release_functions(API, ["api-b", "shop-a"])
    with database.read() as tx:
        assert (tx.apps.functions(API), tx.apps.functions(SHOP)) == (["api-a"], ["shop-a"])


def test_a_fence_is_higher_than_any_claim_and_only_the_holders(database: SqlDatabase) -> None:
    rows = Rows(database)
    build = rows.claimed(rows.add())
    other = rows.claimed(rows.add(scope=SHOP))
    with database.write() as tx:
        fence = tx.leases.take_fence(build.id, build.token)
        assert fence is not None
        assert fence > other.token > build.token
        assert tx.leases.take_fence(build.id, other.token) is None
        assert tx.leases.take_fence(build.id, other.token, above=9000) is None
        assert tx.leases.take_fence(build.id, build.token, above=fence - 1) == fence + 1
        assert tx.leases.take_fence(build.id, build.token, above=5000) == 5001
    rows.expire(build)
    assert rows.claimed(replace(build)).token == 5002
