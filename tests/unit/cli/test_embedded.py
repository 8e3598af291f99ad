from __future__ import annotations

from pathlib import Path

from laambda.cli import embedded
from laambda.settings import load


def test_the_local_cloud_gets_port_folder_and_durations_from_the_settings(tmp_path: Path) -> None:
    given = {"LAAMBDA_HOME": str(tmp_path), "LAAMBDA_CLOUD_PORT": "4600", "LAAMBDA_CLOUD_SETTLE": "2000"}
    argv = embedded.local_cloud(load(given)).argv
    assert argv[argv.index("laambda.localcloud") + 1 :] == (
        *("--port", "4600"),
        *("--home", str(tmp_path / "cloud")),
        *("--settle", "2000"),
    )


def test_durations_are_short_unless_asked_for(tmp_path: Path) -> None:
    assert embedded.local_cloud(load({"LAAMBDA_HOME": str(tmp_path)})).argv[-1] == "5"
