"""Builds as records, releases, config bags, keys, tokens and the audit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from laambda.domain.access import ApiToken, AuditEntry, SshKey
from laambda.domain.build import BuildKind, BuildState, NewBuild, Step
from laambda.domain.function import Architecture, FunctionSettings
from laambda.domain.refs import ZERO, RefUpdate
from laambda.domain.release import Release, ReleasedFunction, ReleaseState
from laambda.errors import Conflict, NotFound
from laambda.store.database import SqlDatabase
from tests.integration.store.conftest import API, NOON, SHOP
from tests.integration.store.rows import LONG, MAIN, Rows

SETTINGS = FunctionSettings("python3.11", "a.b", "arn:r", Architecture.ARM64, 30, 512, ("subnet-1",), ("sg-1",))
CREATE = ReleasedFunction("create", "api-create", SETTINGS, "4", "sha=")


def release(database: SqlDatabase, version: int, **more: object) -> Release:
    build = Rows(database).add()
    made = Release(API, version, ReleaseState.PENDING, BuildKind.PUSH, build.id, "Deploy abc1234", "ada", NOON)
    return replace(made, commit="c" * 40, tree="d" * 40, slug="slug1", **more)


class TestBuilds:
    def test_a_build_comes_back_as_it_was_asked_for(self, database: SqlDatabase) -> None:
        with database.write() as tx:
            config_id = tx.config.add(API, b"change")
            refs = (RefUpdate("refs/heads/main", ZERO, "a" * 40), RefUpdate("refs/tags/v1", "b" * 40, ZERO))
            new = NewBuild(
                *(API, BuildKind.PUSH, "ada", "Deploy abc1234", "c" * 40, "d" * 40, "sources/d.tar"),
                *(True, True, 7, config_id, refs),
            )
            build = tx.builds.add(new)
            assert tx.builds.get(build.id) == build
        assert {name: getattr(build, name) for name in vars(new)} == vars(new)
        assert (build.state, build.step, build.attempt) == (BuildState.QUEUED, Step.EXTRACT, 0)
        assert build.created_at.utcoffset() is not None

    def test_newest_come_first_of_one_app_or_of_all(self, database: SqlDatabase) -> None:
        rows = Rows(database)
        first, other, last = rows.add(), rows.add(scope=SHOP), rows.add()
        with database.read() as tx:
            assert tx.builds.recent(None, 2) == [last, other]
            assert tx.builds.recent(API, 5) == [last, first]
            with pytest.raises(NotFound, match="there is no build 1000000"):
                tx.builds.get(1_000_000)

    def test_a_push_is_found_by_what_it_moves_whatever_its_state(self, database: SqlDatabase) -> None:
        rows = Rows(database)
        rows.add()
        newest = rows.claimed(rows.add(detached=True))
        with database.write() as tx:
            tx.leases.finish(newest.id, newest.token, BuildState.FAILED)
            found = tx.builds.of_push(API, MAIN)
            assert found is not None
            assert (found.id, found.state) == (newest.id, BuildState.FAILED)
            assert tx.builds.of_push(SHOP, MAIN) is None
            assert tx.builds.of_push(API, replace(MAIN, new="f" * 40)) is None

    def test_unfinished_are_queued_and_running_oldest_first(self, database: SqlDatabase) -> None:
        rows = Rows(database)
        running, ended, queued = rows.add(), rows.add(), rows.add()
        rows.claimed(running)
        with database.write() as tx:
            tx.leases.end_queued(ended.id, BuildState.CANCELLED, error="")
            assert [build.id for build in tx.builds.unfinished(API)] == [running.id, queued.id]


class TestReleases:
    def test_a_pending_release_is_settled_once_with_its_functions(self, database: SqlDatabase) -> None:
        pending = release(database, 1)
        with database.write() as tx:
            tx.releases.add(pending)
            tx.releases.settle(API, 1, ReleaseState.SUCCEEDED, [CREATE])
            settled = replace(pending, state=ReleaseState.SUCCEEDED, functions=(CREATE,))
            assert tx.releases.get(API, 1) == settled
            with pytest.raises(NotFound, match="no pending v1"):
                tx.releases.settle(API, 1, ReleaseState.FAILED)

    def test_functions_known_at_the_start_are_replaced_at_the_end(self, database: SqlDatabase) -> None:
        pending = release(database, 1, functions=(replace(CREATE, lambda_version=""),))
        with database.write() as tx:
            tx.releases.add(pending)
            tx.releases.settle(API, 1, ReleaseState.SUCCEEDED, [CREATE])
            assert tx.releases.get(API, 1).functions == (CREATE,)

    def test_a_version_is_released_once(self, database: SqlDatabase) -> None:
        first, second = release(database, 1), release(database, 1)
        with database.write() as tx:
            tx.releases.add(first)
            with pytest.raises(Conflict, match="v1 of api exists already"):
                tx.releases.add(second)

    def test_newest_come_first(self, database: SqlDatabase) -> None:
        releases = [release(database, version) for version in (1, 2, 10)]
        with database.write() as tx:
            for each in releases:
                tx.releases.add(each)
            assert [each.version for each in tx.releases.recent(API, 2)] == [10, 2]
            assert tx.releases.recent(SHOP, 2) == []
            with pytest.raises(NotFound, match="api has no v3"):
                tx.releases.get(API, 3)


def test_config_bags_are_kept_byte_for_byte(database: SqlDatabase) -> None:
    with database.write() as tx:
        first, second = tx.config.add(API, b"\x00sealed\xff"), tx.config.add(API, b"")
        assert (tx.config.get(first), tx.config.get(second)) == (b"\x00sealed\xff", b"")
        with pytest.raises(NotFound):
            tx.config.get(second + 1)


def test_keys_are_unique_by_fingerprint(database: SqlDatabase) -> None:
    ada = SshKey("SHA256:b", "ada", "ssh-ed25519", "AAAA", "laptop", NOON)
    bob = SshKey("SHA256:a", "bob", "ssh-rsa", "BBBB", "", NOON)
    with database.write() as tx:
        for key in (bob, ada):
            tx.access.add_key(key)
        with pytest.raises(Conflict, match="SHA256:a is known"):
            tx.access.add_key(replace(ada, fingerprint="SHA256:a"))
        assert tx.access.keys() == [ada, bob]
        tx.access.remove_key("SHA256:a")
        assert (tx.access.find_key("SHA256:a"), tx.access.find_key("SHA256:b")) == (None, ada)
        with pytest.raises(NotFound):
            tx.access.remove_key("SHA256:a")


def test_tokens_are_found_by_hash(database: SqlDatabase) -> None:
    token = ApiToken("e" * 64, "ada", "laptop", NOON)
    with database.write() as tx:
        tx.access.add_token(token)
        assert (tx.access.find_token("e" * 64), tx.access.find_token("f" * 64)) == (token, None)


def test_the_audit_outlives_the_app(database: SqlDatabase) -> None:
    entries = [AuditEntry(NOON, "ada", "config:set", "api", name) for name in "ABC"]
    with database.write() as tx:
        for entry in entries:
            tx.audit.add(entry)
        tx.apps.destroy(API)
        assert tx.audit.recent(2) == [entries[2], entries[1]]


def test_a_transaction_tells_the_databases_time(database: SqlDatabase) -> None:
    with database.write() as tx:
        build = tx.builds.add(NewBuild(API, BuildKind.CONFIG, "ada", "d"))
        assert build.created_at <= tx.now
        held = tx.leases.claim(build.id, node="n", lease=LONG, attempts=1)
        assert held is not None
        assert held.lease_until is not None
        assert held.lease_until > tx.now


def test_the_rows_that_built_a_tree_are_found_newest_first(database: SqlDatabase) -> None:
    rows = Rows(database)
    first, second, other = (rows.add(tree=tree * 40, refs=()) for tree in "aab")
    for build in (first, second, other):
        held = rows.claimed(build)
        with database.write() as tx:
            assert tx.leases.finish(build.id, held.token, BuildState.SUCCEEDED)
    rows.add(tree="a" * 40)
    with database.read() as tx:
        assert [build.id for build in tx.builds.built(API, "a" * 40, 9)] == [second.id, first.id]
        assert [build.id for build in tx.builds.built(API, "a" * 40, 1)] == [second.id]
        assert tx.builds.built(SHOP, "a" * 40, 9) == []
