from __future__ import annotations

import pytest

from laambda.domain.refs import ZERO, RefUpdate
from laambda.errors import InvalidInput
from laambda.source.rules import PushOptions, check_ref_name, check_together, deploy_ref, read_options

ONE, TWO = "1" * 40, "2" * 40


def update(name: str, old: str = ZERO, new: str = ONE) -> RefUpdate:
    return RefUpdate(name, old, new)


def test_options_are_read() -> None:
    assert read_options(["no-cache", "detach"]) == PushOptions(detach=True, no_cache=True)


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"'ci\.skip' is not a push option"):
        read_options(["ci.skip"])


def test_main_and_master_are_deployed() -> None:
    tag = update("refs/tags/v1")

    assert deploy_ref([tag, update("refs/heads/main")]) == update("refs/heads/main")
    assert deploy_ref([update("refs/heads/master")]) == update("refs/heads/master")
    assert deploy_ref([tag, update("refs/heads/main/x")]) is None


def test_one_deploy_branch_at_a_time() -> None:
    with pytest.raises(InvalidInput, match="main and master"):
        deploy_ref([update("refs/heads/main"), update("refs/heads/master")])


def test_the_deploy_branch_stays() -> None:
    with pytest.raises(InvalidInput, match="can't be deleted"):
        deploy_ref([update("refs/heads/main", ONE, ZERO)])


@pytest.mark.parametrize("name", ["refs/heads/feature/x", "refs/tags/v1.0", "refs/heads/caf\u00e9", "refs/heads/a@b"])
def test_names_that_git_allows(name: str) -> None:
    check_ref_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "refs/foo/x",
        "refs/heads/",
        "HEAD",
        "refs/heads/a..b",
        "refs/heads/a b",
        "refs/heads/a.lock",
        "refs/heads/a.lock/b",
        "refs/heads/.a",
        "refs/heads/a/.b",
        "refs/heads/a//b",
        "refs/heads/a/",
        "refs/heads/a.",
        "refs/heads/-a",
        "refs/heads/a@{1}",
        "refs/heads/a\\b",
        "refs/heads/a:b",
        "refs/heads/" + "x" * 300,
    ],
)
def test_names_that_git_forbids(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_ref_name(name)


def test_a_ref_is_no_folder_of_another() -> None:
    with pytest.raises(InvalidInput, match="can't both exist"):
        check_together({"refs/heads/a": ONE}, [update("refs/heads/a/b")])
    with pytest.raises(InvalidInput, match="can't both exist"):
        check_together({"refs/heads/a/b": ONE}, [update("refs/heads/a")])


def test_a_ref_may_take_the_place_of_one_that_goes() -> None:
    check_together({"refs/heads/a": ONE}, [update("refs/heads/a", ONE, ZERO), update("refs/heads/a/b", ZERO, TWO)])
