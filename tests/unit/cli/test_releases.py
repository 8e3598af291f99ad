"""How releases are listed."""

from __future__ import annotations

from typing import Any

import click
from click.testing import CliRunner

from laambda.cli.releases import releases
from laambda.cli.session import Session


class Answers:
    """An API whose app has a failed release after the live one."""

    def releases(self, app: str, *, limit: int) -> list[dict[str, Any]]:
        return [self.release(2, "failed"), self.release(1, "succeeded")]

    def app(self, app: str) -> dict[str, Any]:
        return {"live": 1}

    def release(self, version: int, state: str) -> dict[str, Any]:
        return {
            "version": version,
            "state": state,
            "current": state == "succeeded",
            "description": f"Deploy {version}",
            "actor": "ada",
            "created_at": "2026-03-01T12:00:00+00:00",
        }


def test_a_failed_release_is_red_and_the_live_one_green() -> None:
    answers: Any = Answers()
    said = CliRunner().invoke(releases, ["-a", "api"], obj=Session({}, answers), color=True)
    assert said.exit_code == 0
    first, second = said.output.splitlines()[1:]
    assert click.unstyle(first) == "v2   Deploy 2 (failed)  ada  2026-03-01"
    assert (first[:5], second[:5]) == ("\x1b[31m", "\x1b[32m")
