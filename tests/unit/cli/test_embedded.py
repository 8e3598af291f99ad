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
        "--private",
        *("--settle", "2000"),
    )


def test_durations_are_short_unless_asked_for(tmp_path: Path) -> None:
    assert embedded.local_cloud(load({"LAAMBDA_HOME": str(tmp_path)})).argv[-1] == "5"


def test_each_run_has_credentials_of_its_own(tmp_path: Path) -> None:
    first, second = (embedded.cloud_environment(load({"LAAMBDA_HOME": str(tmp_path)})) for _ in range(2))
    assert first["AWS_ACCESS_KEY_ID"] != second["AWS_ACCESS_KEY_ID"]
    assert len(first["AWS_SECRET_ACCESS_KEY"]) >= 40
