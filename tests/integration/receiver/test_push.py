"""Pushes with the real git and ssh."""

from __future__ import annotations

from laambda.domain.build import Build, BuildState
from laambda.errors import BuildFailed
from tests.integration.receiver.conftest import MAIN, Customer, House


def test_a_push_is_built_and_moves_the_ref(house: House, customer: Customer) -> None:
    code, said = customer.push()

    assert code == 0, said
    assert "remote: -----> Released v1" in said
    assert "[new branch]      main -> main" in said
    (build,) = house.builds()
    head = customer.git("rev-parse", "HEAD")
    assert (build.state, build.actor, build.commit) == (BuildState.SUCCEEDED, "ada", head)
    assert build.description == f"Deploy {head[:7]}: Change app.py"
    assert house.refs() == {MAIN: head}
    assert f"sources/{build.tree}.tar" in house.objects.keys()


def test_a_failing_build_rejects_the_push(house: House, customer: Customer) -> None:
    def fail(build: Build, tell: object) -> None:
        raise BuildFailed("no Procfile")

    house.farm.work = fail
    code, said = customer.push()

    assert code == 1
    assert "remote:  !     no Procfile" in said
    assert "! [remote rejected] main -> main (pre-receive hook declined)" in said
    assert house.refs() == {}
    assert customer.git("ls-remote", "laambda") == ""
