"""What a developer types in a day, over the real API: what it prints, and what has changed afterwards."""

from __future__ import annotations

import io
import json

import pytest

from tests.integration.api.house import ROLE, House


def test_creating_an_app_gives_the_address_to_push_to(house: House) -> None:
    said = house.laambda("apps:create", "api", "--role", ROLE, "--no-remote")
    assert (said.code, said.out, said.err) == (0, "ssh://git@127.0.0.1:2222/api.git\n", "Creating api... done\n")
    assert house.laambda("apps").out == "=== Apps\napi  no release yet  made just now by jim\n"


def test_config_set_before_the_first_release_is_in_force_with_it(house: House) -> None:
    house.app()
    said = house.laambda("config:set", "GREETING=hello", "-a", "api")
    assert said.err == "Setting GREETING on api... done, in force with the first release\n"
    house.push()
    assert house.laambda("config", "-a", "api").out == "=== api Config Vars\nGREETING:  hello\n"


def test_config_set_makes_a_release_and_says_its_number(house: House) -> None:
    house.app()
    house.push()
    said = house.laambda("config:set", "AA=1", "BB=two words", "-a", "api")
    assert (said.code, said.out, said.err) == (0, "AA:  1\nBB:  two words\n", "Setting AA, BB on api... done, v2\n")
    assert house.laambda("config", "-s", "-a", "api").out == "AA=1\nBB='two words'\n"


def test_a_change_that_changes_nothing_makes_no_release(house: House) -> None:
    house.app()
    house.push()
    house.laambda("config:set", "AA=1", "-a", "api")
    assert house.laambda("config:set", "AA=1", "-a", "api").err == "Setting AA on api... done, no change\n"
    said = house.laambda("config:unset", "NOPE", "-a", "api")
    assert (said.code, said.err) == (0, "Unsetting NOPE on api... done, no change\n       NOPE is not set on api\n")
    assert house.client.app("api")["live"] == 2


def test_a_value_from_stdin_is_set_and_not_shown(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.app()
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    said = house.laambda("config:set", "PASSWORD", "-a", "api")
    assert (said.code, said.out) == (0, "PASSWORD:  ********\n")
    assert house.laambda("config:get", "PASSWORD", "-a", "api").out == "correct horse\n"


def test_a_var_that_is_not_set_has_no_value_and_exits_one(house: House) -> None:
    house.app()
    said = house.laambda("config:get", "NOPE", "-a", "api")
    assert (said.code, said.out) == (1, "")
    assert said.err == " !     NOPE is not set for api\n       laambda config:set NOPE=VALUE -a api\n"


def test_unset_and_clear_are_releases_too(house: House) -> None:
    house.app()
    house.push()
    house.laambda("config:set", "AA=1", "BB=2", "CC=3", "-a", "api")
    assert house.laambda("config:unset", "AA", "-a", "api").err == "Unsetting AA on api... done, v3\n"
    assert house.laambda("config", "-j", "-a", "api").out == '{\n  "BB": "2",\n  "CC": "3"\n}\n'
    assert house.laambda("config:clear", "-a", "api").err == "Clearing the config vars of api... done, v4\n"
    assert house.laambda("config", "-a", "api").out == "api has no config vars.\n"


def test_rollback_brings_code_and_config_back_and_says_how_to_undo_it(house: House) -> None:
    house.app()
    house.push("b25l")
    house.laambda("config:set", "AA=1", "-a", "api")
    said = house.laambda("rollback", "v1", "-a", "api")
    assert said.err == (
        "Rolling back api to v1... done, v3\n"
        " !     Rollback affects code and config vars.\n"
        "       To undo, run: laambda rollback v2 -a api\n"
    )
    assert house.laambda("config", "-a", "api").out == "api has no config vars.\n"


def test_a_dry_run_prints_what_a_rollback_would_change_and_changes_nothing(house: House) -> None:
    house.app()
    house.push("b25l")
    house.push("dHdv", ["create"])
    house.laambda("config:set", "AA=secret-value", "-a", "api")
    said = house.laambda("rollback", "v1", "-a", "api", "--dry-run")
    assert said.out == (
        "=== api from v3 back to v1\n"
        "[~] api-create\n"
        "    [~] code dHdv -> b25l\n"
        "    [~] version 3 -> 1\n"
        "[+] api-resize\n"
        "[-] config AA\n"
    )
    assert house.client.app("api")["live"] == 3


def test_releases_tell_the_story_with_the_current_one_marked(house: House) -> None:
    house.app()
    house.push()
    house.laambda("config:set", "AA=1", "-a", "api")
    lines = house.laambda("releases", "-a", "api").out.splitlines()
    assert lines == [
        "=== api Releases - Current: v2",
        "v2*  Config set AA   jim  just now",
        "v1   Deploy abc1234  jim  just now",
    ]


def test_a_failed_release_is_shown_as_failed_and_exits_one(house: House) -> None:
    house.app()
    house.push()
    house.fail_next_deploy("the role is wrong")
    said = house.laambda("config:set", "AA=1", "-a", "api")
    assert said.code == 1
    assert said.err == ("Setting AA on api... failed\n !     the role is wrong\n       laambda builds:output 2\n")
    assert house.laambda("config", "-a", "api").out == "api has no config vars.\n"


def test_release_and_build_are_shown_in_full(house: House) -> None:
    house.app()
    build = house.push()
    release = house.laambda("releases:info", "v1", "-a", "api").out
    assert "=== api Release v1\nState:   succeeded, current\nChange:  Deploy abc1234\nBy:      jim\n" in release
    assert "create  api-create  version 1  python3.13  create.handler" in release
    shown = house.laambda("builds:info", "-a", "api").out
    assert f"=== Build {build.id} of api\nState:     succeeded\n" in shown
    assert "Release:   v1\n" in shown


def test_output_of_the_newest_build_is_printed_to_its_end(house: House) -> None:
    house.app()
    house.push()
    said = house.laambda("builds:output", "-a", "api")
    assert said.code == 0
    assert "-----> Released v1\n" in said.out


def test_invoke_prints_the_answer_and_the_log_apart(house: House) -> None:
    house.app()
    house.push()
    (house.folder / "event.json").write_text('{"n": 1}')
    said = house.laambda("invoke", "resize", "-a", "api", "--event", str(house.folder / "event.json"), "--logs")
    assert (said.code, said.out) == (0, '{"n": 1}\n')
    assert said.err.startswith("START ")


def test_invoking_an_unknown_process_names_the_known_ones(house: House) -> None:
    house.app()
    house.push()
    said = house.laambda("invoke", "reszie", "-a", "api")
    assert (said.code, said.out) == (1, "")
    assert said.err == " !     api has no process 'reszie' in v1\n       It has: create, resize\n"


def test_destroying_needs_the_name_once_more_and_deletes_only_our_functions(house: House) -> None:
    house.app()
    house.push()
    house.functions.held["api-resize"].owner = "somebody/else"
    refused = house.laambda("apps:destroy", "api", "--confirm", "apy")
    assert (refused.code, refused.err) == (1, " !     'apy' is not 'api': nothing was destroyed\n")
    said = house.laambda("apps:destroy", "api", "--confirm", "api")
    assert (said.code, said.err) == (0, "Destroying api... done, with api-create\n")
    assert list(house.functions.held) == ["api-resize"]
    assert house.laambda("apps:info", "-a", "api").code == 1


def test_keys_come_and_go(house: House) -> None:
    path = house.folder / "id.pub"
    blob = "AAAAC3NzaC1lZDI1NTE5AAAAIFlK4nlpTLXaXU0v0BkbVkOvr8YxEBd6WkaZzvFm5Uhg"
    path.write_text(f"ssh-ed25519 {blob} jim@laptop\n")
    assert house.laambda("keys:add", str(path)).code == 0
    assert "ssh-ed25519  jim@laptop\n" in house.laambda("keys").out
    again = house.laambda("keys:add", str(path))
    assert (again.code, "is known already" in again.err) == (1, True)
    assert house.laambda("keys:remove", "jim@laptop").code == 0
    assert house.laambda("keys", "--json").out == "[]\n"


def test_every_listing_speaks_json(house: House) -> None:
    house.app()
    house.push()
    for words in (
        ["apps"],
        ["apps:info"],
        ["keys"],
        ["config"],
        ["releases"],
        ["releases:info"],
        ["builds"],
        ["builds:info"],
    ):
        app = [] if words[0] in ("apps", "keys") else ["-a", "api"]
        said = house.laambda(*words, *app, "--json")
        assert json.loads(said.out) is not None, words


def test_a_build_is_cancelled_and_retried_by_its_number(house: House) -> None:
    house.app()
    house.services.objects.put("sources/x.tar", b"tar")
    house.fail_next_deploy("the role is wrong")
    failed = house.push()
    refused = house.laambda("builds:cancel", str(failed.id))
    assert (refused.code, refused.err.splitlines()[-1]) == (1, f" !     build {failed.id} has ended already: failed")
    again = house.laambda("builds:retry", str(failed.id))
    assert again.code == 0, again.err
    assert again.out.startswith(f"-----> Build {failed.id + 1} of api: Deploy abc1234\n")
    assert "-----> Released v1\n" in again.out


def test_the_newest_build_that_failed_is_retried_and_fails_again(house: House) -> None:
    house.app()
    house.services.objects.put("sources/x.tar", b"tar")
    house.fail_next_deploy("the role is wrong")
    house.push()
    house.fail_next_deploy("the role is still wrong")
    again = house.laambda("builds:retry", "-a", "api", "--no-cache")
    assert again.code == 1
    assert again.out == "-----> Build 2 of api: Deploy abc1234\n !     the role is still wrong\n"
    assert again.err == ""
    assert house.laambda("builds:retry", "99").code == 1
