"""Apps, environments, counters and function names."""

from __future__ import annotations

from contextlib import suppress

import pytest

from laambda.domain.app import App, Target
from laambda.domain.build import BuildKind, NewBuild
from laambda.domain.names import Scope
from laambda.domain.refs import ZERO, Pack, RefUpdate
from laambda.domain.release import Release, ReleaseState
from laambda.errors import Conflict, NotFound
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API, NOON, SHOP


def test_production_is_there_from_the_start(database: SqlDatabase) -> None:
    with database.read() as tx:
        assert tx.apps.environment("production").target == Target(account="", region="us-east-1")


def test_an_app_comes_back_as_it_was_made(database: SqlDatabase) -> None:
    app = App(Scope("web"), "arn:aws:iam::1:role/r", NOON, "ada")
    with database.write() as tx:
        tx.apps.create(app)
    with database.read() as tx:
        assert tx.apps.get(app.scope) == app
        assert [each.name for each in tx.apps.all()] == ["api", "shop", "web"]


def test_the_same_app_twice_is_a_conflict_that_leaves_the_transaction_usable(database: SqlDatabase) -> None:
    with database.write() as tx:
        with pytest.raises(Conflict, match="the app api exists already"):
            tx.apps.create(tx.apps.get(API))
        assert tx.apps.get(API).created_by == "ada"


def test_an_unknown_environment_or_app_is_not_found(database: SqlDatabase) -> None:
    nowhere = Scope("web", "staging")
    with database.write() as tx:
        with pytest.raises(NotFound, match="no environment staging"):
            tx.apps.create(App(nowhere, "r", NOON, "ada"))
        for use in (tx.apps.get, tx.apps.destroy, tx.versions.take):
            with pytest.raises(NotFound, match="no app web@staging"):
                use(nowhere)
        with pytest.raises(NotFound, match="no app web@staging"):
            tx.builds.add(NewBuild(nowhere, BuildKind.CONFIG, "ada", "Config set A"))


def test_versions_only_grow_and_live_follows_on_its_own(database: SqlDatabase) -> None:
    with database.write() as tx:
        assert [tx.versions.take(API), tx.versions.take(API), tx.versions.take(SHOP)] == [1, 2, 1]
        bag = tx.config.add(API, b"sealed")
        tx.versions.set_live(API, 1, bag)
    with database.write() as tx:
        app = tx.apps.get(API)
        assert (app.version, app.live, app.config_id) == (2, 1, bag)
        assert not tx.versions.set_config(API, None, old=bag)
        assert tx.apps.get(API) == app


def test_the_bag_of_an_app_without_a_release_changes_from_the_one_that_was_read(database: SqlDatabase) -> None:
    with database.write() as tx:
        first, second = tx.config.add(API, b"one"), tx.config.add(API, b"two")
        assert tx.versions.set_config(API, first, old=None)
        assert not tx.versions.set_config(API, second, old=None)
        assert tx.apps.get(API).config_id == first
        assert tx.versions.set_config(API, second, old=first)
        assert tx.apps.get(API).config_id == second


def test_a_version_taken_in_a_transaction_that_fails_is_given_back(database: SqlDatabase) -> None:
    with suppress(NotFound), database.write() as tx:
        tx.versions.take(API)
        tx.builds.get(1_000_000)
    with database.write() as tx:
        assert tx.versions.take(API) == 1


def test_a_function_name_belongs_to_one_app(database: SqlDatabase) -> None:
    with database.write() as tx:
        tx.apps.claim_functions(API, ["api-v1-create", "api-resize"])
        tx.apps.claim_functions(API, ["api-v1-create", "api-new"])
        with pytest.raises(Conflict, match="the function name api-v1-create belongs to the app api"):
            tx.apps.claim_functions(SHOP, ["api-v1-create"])


def test_destroying_an_app_frees_its_names_and_takes_all_its_rows(database: SqlDatabase) -> None:
    with database.write() as tx:
        bag = tx.config.add(API, b"sealed")
        update = RefUpdate("refs/heads/main", ZERO, "a" * 40)
        build = tx.builds.add(NewBuild(API, BuildKind.PUSH, "ada", "d", config_id=bag, refs=(update,)))
        tx.refs.reserve(API, [update], build.id)
        tx.refs.add_pack(API, Pack("packs/1", "b" * 64, 7))
        tx.releases.add(
            Release(API, 1, ReleaseState.PENDING, BuildKind.PUSH, build.id, "d", "ada", NOON, config_id=bag)
        )
        tx.apps.claim_functions(API, ["api-create"])
        kept = tx.builds.add(NewBuild(SHOP, BuildKind.PUSH, "ada", "d"))
    with database.write() as tx:
        tx.apps.destroy(API)
        tx.apps.claim_functions(SHOP, ["api-create"])
    with database.read() as tx:
        assert [each.id for each in tx.builds.recent(None, 10)] == [kept.id]
        assert not tx.refs.all(API)
        assert not tx.refs.packs(API)
        with pytest.raises(NotFound):
            tx.config.get(bag)


def test_a_build_id_is_never_used_again(database: SqlDatabase) -> None:
    with database.write() as tx:
        first = tx.builds.add(NewBuild(API, BuildKind.PUSH, "ada", "d"))
        tx.apps.destroy(API)
        assert tx.builds.add(NewBuild(SHOP, BuildKind.PUSH, "ada", "d")).id > first.id
