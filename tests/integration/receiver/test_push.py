"""Pushes with the real git and ssh."""

from __future__ import annotations

import random
import subprocess

import pytest

from laambda.domain.build import Build, BuildState
from laambda.domain.names import Scope
from laambda.domain.refs import ZERO
from laambda.errors import BuildFailed, NotFound
from receiver.limits import Limits
from tests.integration.receiver.conftest import MAIN, Customer, Gate, House


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
    assert house.objects.exists(f"sources/{build.tree}.tar")


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


def test_lines_arrive_while_the_build_runs(customer: Customer, gate: Gate) -> None:
    with customer.start("git", "push", "laambda", "main") as push:
        assert push.stdout is not None
        said = next(line for line in push.stdout if "At the gate" in line)
        gate.opened.set()
        rest = push.stdout.read()

    assert said.startswith("remote: -----> At the gate")
    assert "Released v1" in rest


def test_terminal_escapes_of_a_build_are_stripped(house: House, customer: Customer) -> None:
    house.farm.work = lambda build, tell: tell("\x1b[31mred\x1b[0m \x1b]0;title\x07and \x07loud")

    assert "remote: red and loud" in customer.push()[1]


def test_a_branch_is_kept_and_not_built(house: House, customer: Customer) -> None:
    code, said = customer.push("HEAD:refs/heads/feature")

    assert code == 0, said
    assert "remote: -----> Pushed to feature, skipping build: only main or master is deployed" in said
    assert house.refs() == {"refs/heads/feature": customer.git("rev-parse", "HEAD")}
    assert house.builds() == []


def test_a_branch_can_be_deleted_and_the_deploy_branch_can_not(house: House, customer: Customer) -> None:
    customer.push("main", "HEAD:refs/heads/feature")

    assert customer.push("--delete", "feature")[0] == 0
    code, said = customer.push("--delete", "main")

    assert code == 1
    assert "main is the deploy branch and can't be deleted" in said
    assert list(house.refs()) == [MAIN]


def test_an_annotated_tag_travels_with_a_release(house: House, customer: Customer) -> None:
    customer.git("tag", "-a", "v1", "-m", "first")
    code, said = customer.push("main", "v1")

    assert code == 0, said
    assert house.refs() == {MAIN: customer.git("rev-parse", "main"), "refs/tags/v1": customer.git("rev-parse", "v1")}
    assert len(house.builds()) == 1


def test_a_failing_build_keeps_every_ref_of_its_push_back(house: House, customer: Customer) -> None:
    def fail(build: Build, tell: object) -> None:
        raise BuildFailed("no Procfile")

    house.farm.work = fail
    customer.git("tag", "v1")

    assert customer.push("main", "v1")[0] == 1
    assert house.refs() == {}


def test_two_deploy_branches_in_one_push_are_refused(house: House, customer: Customer) -> None:
    code, said = customer.push("main", "main:master")

    assert code == 1
    assert "main and master are both deployed" in said
    assert house.builds() == []


def test_a_forced_push_is_built(house: House, customer: Customer) -> None:
    customer.push()
    customer.git("commit", "--amend", "-qm", "Say it better")
    code, said = customer.push(options=("--force",))

    assert code == 0, said
    assert house.refs() == {MAIN: customer.git("rev-parse", "HEAD")}


def test_a_detached_push_returns_before_its_build(house: House, customer: Customer, gate: Gate) -> None:
    code, said = customer.push(options=("-o", "detach"))

    assert code == 0, said
    assert "Follow it with: laambda builds:output 1 -a api" in said
    assert house.refs() == {MAIN: customer.git("rev-parse", "HEAD")}
    gate.opened.set()
    house.farm.ended.get(timeout=10)
    assert house.builds()[0].detached


def test_no_cache_reaches_the_build(house: House, customer: Customer) -> None:
    customer.push(options=("-o", "no-cache"))

    assert house.builds()[0].no_cache


def test_an_unknown_push_option_is_refused(house: House, customer: Customer) -> None:
    code, said = customer.push(options=("-o", "detatch"))

    assert code == 1
    assert "'detatch' is not a push option" in said
    assert house.builds() == []


def test_a_submodule_is_refused_with_its_path(house: House, customer: Customer) -> None:
    head = customer.git("rev-parse", "HEAD")
    customer.git("update-index", "--add", "--cacheinfo", f"160000,{head},vendor/lib")
    customer.git("commit", "-qm", "Add a submodule")
    code, said = customer.push()

    assert code == 1
    assert "vendor/lib is a git submodule" in said
    assert house.refs() == {}


def test_an_lfs_pointer_is_refused_with_its_path(house: House, customer: Customer) -> None:
    customer.commit("model", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n")
    code, said = customer.push()

    assert code == 1
    assert "model is a Git LFS pointer" in said
    assert house.builds() == []


def test_a_branch_from_a_shallow_clone_that_the_farm_knows_is_taken(house: House, customer: Customer) -> None:
    customer.push()
    customer.git("clone", "-q", "--depth=1", customer.url(), "shallow", cwd=customer.home)
    code, said = customer.run("git", "push", "origin", "HEAD:refs/heads/feature", cwd=customer.home / "shallow")

    assert code == 0, said


def test_what_a_build_says_is_not_taken_for_git(house: House, customer: Customer) -> None:
    house.farm.work = lambda build, tell: tell("pack exceeds maximum allowed size")

    assert "too large" not in customer.push()[1]


def test_a_push_from_a_shallow_clone_says_how_to_mend_it(house: House, customer: Customer) -> None:
    house.create(Scope("web"))
    customer.push()
    customer.commit("app.py", "print('more')\n")
    customer.push()
    customer.git("clone", "-q", "--depth=1", customer.url(), "shallow", cwd=customer.home)
    code, said = customer.run("git", "push", customer.url("web"), "main", cwd=customer.home / "shallow")

    assert code == 1
    assert " !     In a shallow clone run git fetch --unshallow first" in said
    assert house.builds(Scope("web")) == []
    assert house.refs(Scope("web")) == {}


def test_a_push_that_lacks_objects_is_refused_unbuilt(house: House, customer: Customer) -> None:
    parent = customer.git("rev-parse", "HEAD")
    head = customer.commit("app.py", "print('more')\n")
    new = customer.git("rev-list", "--objects", "--no-object-names", f"{parent}..HEAD").replace("\n", " ").split()
    said = _send_pack(customer, head, new)

    assert " !     The push lacks an object that it needs" in said
    assert house.builds() == []
    assert house.refs() == {}


def test_a_clone_gives_what_was_pushed(customer: Customer) -> None:
    customer.push()
    customer.git("clone", "-q", customer.url(), "copy", cwd=customer.home)

    assert customer.git("rev-parse", "HEAD", cwd=customer.home / "copy") == customer.git("rev-parse", "HEAD")
    assert (customer.home / "copy" / "app.py").read_text() == "print('hello')\n"


def test_an_environment_is_an_app_of_its_own(house: House, customer: Customer) -> None:
    staging = Scope("api", "staging")
    with house.services.database.read() as tx, pytest.raises(NotFound):
        tx.apps.get(staging)
    code, said = customer.run("git", "push", customer.url("api@staging"), "main")

    assert code == 128
    assert " !     there is no app api@staging" in said


def test_a_push_that_is_too_large_is_cut_off(house: House, customer: Customer) -> None:
    _, port = house.receiver(Limits(pack_bytes=1000))
    (customer.home / "work" / "big").write_bytes(random.Random(1).randbytes(100_000))
    customer.git("add", "-A")
    customer.git("commit", "-qm", "Add something big")
    code, said = customer.run("git", "push", customer.url().replace(str(customer.port), str(port)), "main")

    assert code == 1
    assert "pack exceeds maximum allowed size" in said
    assert " !     The push is too large, its history included" in said
    assert house.refs() == {}


def test_a_damaged_object_is_refused(house: House, customer: Customer) -> None:
    tree = customer.git("rev-parse", "HEAD^{tree}")
    bad = customer.home / "bad"
    bad.write_text(f"tree {tree}\nauthor nobody\ncommitter nobody\n\nx\n")
    oid = customer.git("hash-object", "-t", "commit", "-w", "--literally", str(bad))
    code, said = customer.push(f"{oid}:refs/heads/main")

    assert code == 1
    assert oid in said
    assert "missingEmail" in said
    assert " !     The object named above is damaged, or was not made by git" in said
    assert house.refs() == {}


def test_a_branch_may_share_a_name_with_no_folder_of_branches(customer: Customer) -> None:
    customer.push("HEAD:refs/heads/feature")
    code, said = customer.push("HEAD:refs/heads/feature/x")

    assert code == 1
    assert "refs/heads/feature/x and refs/heads/feature can't both exist" in said


def test_one_connection_may_carry_several_sessions(customer: Customer) -> None:
    master = f"-o ControlMaster=auto -o ControlPath={customer.home}/c -o ControlPersist=5"
    shared = {**customer.environment, "GIT_SSH_COMMAND": f"{customer.environment['GIT_SSH_COMMAND']} {master}"}
    said = [
        subprocess.run(words, cwd=customer.home / "work", env=shared, capture_output=True, text=True, check=True).stdout
        for words in (["git", "push", "-q", "laambda", "main"], ["git", "ls-remote", "laambda"])
    ]

    assert said[1].endswith(f"{MAIN}\n")


def _send_pack(customer: Customer, head: str, objects: list[str]) -> str:
    """Create main at ``head`` with a pack of ``objects`` alone, as no honest git would; gives what the remote says."""
    pack = subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=customer.home / "work",
        input="".join(f"{oid}\n" for oid in objects).encode(),
        capture_output=True,
        check=True,
    ).stdout
    command = f"{ZERO} {head} {MAIN}\0report-status side-band-64k"
    ssh = [*customer.environment["GIT_SSH_COMMAND"].split(), "-p", str(customer.port), "git@127.0.0.1"]
    done = subprocess.run(
        [*ssh, "git-receive-pack 'api.git'"],
        input=f"{len(command) + 4:04x}{command}0000".encode() + pack,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return done.stdout.decode(errors="replace") + done.stderr.decode()
