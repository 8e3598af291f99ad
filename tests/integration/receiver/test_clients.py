"""git's two other implementations as clients: dulwich (in Python, over ssh) and libgit2 (in C, over libssh2)."""

from __future__ import annotations

import io
from pathlib import Path

import pygit2
import pytest
from dulwich import porcelain

from laambda.domain.build import Build
from laambda.errors import BuildFailed
from tests.integration.receiver.conftest import MAIN, Customer, House


def fail(build: Build, tell: object) -> None:
    raise BuildFailed("no Procfile")


class Dulwich:
    """A customer who uses dulwich. ``push`` gives what the remote said and why it refused main, if it did."""

    def __init__(self, customer: Customer) -> None:
        self._customer = customer
        self._ssh = customer.environment["GIT_SSH_COMMAND"]

    def push(self, *options: str) -> tuple[str, str]:
        said = io.BytesIO()
        result = porcelain.push(
            self._customer.home / "work",
            self._customer.url(),
            MAIN,
            errstream=said,
            push_options=list(options) or None,
            ssh_command=self._ssh,
        )
        return said.getvalue().decode(), (result.ref_status or {}).get(MAIN.encode()) or ""

    def clone(self, to: Path) -> str:
        with porcelain.clone(self._customer.url(), to, errstream=io.BytesIO(), ssh_command=self._ssh) as copy:
            return copy.head().decode()


class Libgit2(pygit2.RemoteCallbacks):
    """A customer who uses libgit2, as ``Dulwich``."""

    def __init__(self, customer: Customer) -> None:
        super().__init__()
        self._customer = customer
        self._said = self._refused = ""

    def push(self, *options: str) -> tuple[str, str]:
        self._said = self._refused = ""
        repository = pygit2.Repository(self._customer.home / "work")
        repository.remotes.create_anonymous(self._customer.url()).push(
            [f"{MAIN}:{MAIN}"], callbacks=self, push_options=list(options)
        )
        return self._said, self._refused

    def clone(self, to: Path) -> str:
        return str(pygit2.clone_repository(self._customer.url(), to, callbacks=self).head.target)

    def credentials(self, url: str, username_from_url: str | None, allowed_types: object) -> pygit2.Keypair:
        key = self._customer.key
        return pygit2.Keypair(username_from_url or "git", key.with_suffix(".pub"), key, "")

    def certificate_check(self, certificate: object, valid: bool, host: bytes) -> bool:
        return True

    def sideband_progress(self, string: str) -> None:
        self._said += string

    def push_update_reference(self, refname: str, message: str | None) -> None:
        self._refused = message or ""


Client = Dulwich | Libgit2


@pytest.fixture(params=[Dulwich, Libgit2])
def client(request: pytest.FixtureRequest, customer: Customer) -> Client:
    made: Client = request.param(customer)
    return made


def test_a_push_is_released_and_cloned(house: House, customer: Customer, client: Client) -> None:
    said, refused = client.push()

    assert ("-----> Released v1" in said, refused) == (True, "")
    assert house.refs() == {MAIN: client.clone(customer.home / "copy")}
    assert (customer.home / "copy" / "app.py").read_text() == "print('hello')\n"


def test_a_second_push_sends_what_is_new(house: House, customer: Customer, client: Client) -> None:
    client.push()
    second = customer.commit("app.py", "print('more')\n")

    assert client.push()[1] == ""
    assert house.refs() == {MAIN: second}


def test_a_failed_build_refuses_the_ref_with_its_reason(house: House, client: Client) -> None:
    house.farm.work = fail
    said, refused = client.push()

    assert " !     no Procfile" in said
    assert refused == "pre-receive hook declined"
    assert house.refs() == {}


def test_push_options_arrive(house: House, client: Client) -> None:
    client.push("no-cache")

    assert house.builds()[0].no_cache
