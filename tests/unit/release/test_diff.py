"""What ``rollback --dry-run`` tells."""

from __future__ import annotations

from dataclasses import replace

from laambda.domain.config import ConfigVars
from laambda.release.diff import diff
from tests.unit.release.test_wanted import LIVE, WEB


def test_it_names_what_changes_and_no_value() -> None:
    older = replace(
        LIVE,
        version=2,
        commit="b" * 40,
        functions=(
            replace(WEB, lambda_version="2", code_sha256="sha-2", settings=replace(WEB.settings, memory=128)),
            replace(WEB, process="old", name="api-old"),
        ),
    )
    found = diff(
        replace(LIVE, commit="a" * 40), older, ConfigVars({"A": "one", "B": "x"}), ConfigVars({"A": "two", "C": "y"})
    )
    assert found.lines() == [
        "[~] commit aaaaaaa -> bbbbbbb",
        "[+] api-old",
        "[~] api-web",
        "    [~] code sha-4 -> sha-2",
        "    [~] memory 512 -> 128",
        "    [~] version 4 -> 2",
        "[~] config A",
        "[-] config B",
        "[+] config C",
    ]


def test_a_release_does_not_differ_from_itself() -> None:
    assert diff(LIVE, LIVE, ConfigVars({"A": "one"}), ConfigVars({"A": "one"})).lines() == []
