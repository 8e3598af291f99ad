"""Tokens and keys as rows: what is kept, who may, and what is written down of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from laambda.access.keys import add_key, list_keys, remove_key
from laambda.access.tokens import authenticate, create_token
from laambda.errors import Conflict, InvalidInput, NotFound
from laambda.ports import Services
from laambda.store import open_database
from tests.fakes.objects import FakeObjects
from tests.fakes.output import FakeOutput
from tests.fakes.queue import FakeQueue
from tests.fakes.vault import FakeVault

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFlK4nlpTLXaXU0v0BkbVkOvr8YxEBd6WkaZzvFm5Uhg jim@laptop"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAID3QiXLolXtJfiIC77c1G+8a1ZAgUEKADEbeVAu9ZcM4 jim@laptop"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    database = open_database(f"sqlite:///{tmp_path / 'rows.db'}")
    database.migrate()

    def no_cloud(_: object) -> None:
        raise AssertionError("access does not touch a cloud")

    objects = FakeObjects(tmp_path / "objects")
    return Services(database, objects, FakeVault(), FakeQueue(), FakeOutput(), no_cloud)  # type: ignore[arg-type]


def audited(services: Services) -> list[tuple[str, str]]:
    with services.database.read() as tx:
        return [(entry.actor, entry.action) for entry in tx.audit.recent(10)]


def test_a_token_speaks_for_its_user_and_is_not_kept(services: Services, tmp_path: Path) -> None:
    secret = create_token(services, user="jim", label="laptop", actor="admin")
    token = authenticate(services, secret)
    assert token is not None
    assert (token.user, token.label) == ("jim", "laptop")
    assert len(secret) >= 40
    assert secret.startswith("lmb_")
    assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("rows.db*"))
    assert audited(services) == [("admin", "tokens:create")]


@pytest.mark.parametrize("secret", ["", "lmb_", "lmb_" + "x" * 43, "x" * 43, "lmb_" + "x" * 10_000, "lmb_\udc80"])
def test_what_is_no_token_speaks_for_nobody(services: Services, secret: str) -> None:
    create_token(services, user="jim", label="laptop", actor="admin")
    assert authenticate(services, secret) is None


@pytest.mark.parametrize(
    ("user", "label"), [("", "x"), ("jim\n", "x"), ("jim", ""), ("jim", "a\x1b[31m"), ("-jim", "x")]
)
def test_names_that_would_garble_a_log_are_refused(services: Services, user: str, label: str) -> None:
    with pytest.raises(InvalidInput):
        create_token(services, user=user, label=label, actor="admin")
    assert audited(services) == []


def test_a_key_comes_once_and_goes_by_fingerprint(services: Services) -> None:
    key = add_key(services, KEY, user="jim", actor="admin")
    with pytest.raises(Conflict):
        add_key(services, KEY, user="ann", actor="admin")
    assert [one.user for one in list_keys(services)] == ["jim"]
    assert remove_key(services, key.fingerprint, actor="ann").user == "jim"
    assert list_keys(services) == []
    assert audited(services) == [("ann", "keys:remove"), ("admin", "keys:add")]


def test_a_comment_that_two_keys_have_removes_none(services: Services) -> None:
    for line in (KEY, OTHER):
        add_key(services, line, user="jim", actor="admin")
    with pytest.raises(NotFound, match="2 keys are named 'jim@laptop'"):
        remove_key(services, "jim@laptop", actor="admin")
    assert len(list_keys(services)) == 2
