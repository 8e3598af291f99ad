from __future__ import annotations

import sys
from pathlib import Path

import pytest

from laambda.localcloud.interpreters import Interpreters, NoInterpreterError

OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"


def program(folder: Path, name: str, says: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


def test_the_running_minor_version_uses_the_base_interpreter(tmp_path: Path) -> None:
    launch = Interpreters(tmp_path / "runtime", []).launch(OWN, tmp_path)
    assert Path(launch.starter).resolve() == Path(sys.executable).resolve()
    assert launch.command == ("python",)


def test_the_runtime_folder_holds_client_and_sdk_and_nothing_of_laambda(tmp_path: Path) -> None:
    launch = Interpreters(tmp_path / "runtime", []).launch(OWN, tmp_path)
    held = {path.name for path in launch.runtime.iterdir()}
    assert {"awslambdaric", "boto3", "simplejson", "snapshot_restore_py.py"} <= held
    assert not {"moto", "laambda", "celery", "flask"} & held


def test_a_program_of_that_name_that_is_another_version_is_passed_over(tmp_path: Path) -> None:
    program(tmp_path, "python3.8", "3.7")
    with pytest.raises(NoInterpreterError, match=r"python3\.8 on PATH.*public\.ecr\.aws/lambda/python:3\.8"):
        Interpreters(tmp_path / "runtime", [str(tmp_path)]).launch("python3.8", tmp_path)


def test_node_must_be_of_the_major_version(tmp_path: Path) -> None:
    program(tmp_path, "node", "v20.1.0")
    interpreters = Interpreters(tmp_path / "runtime", [str(tmp_path)])
    assert interpreters.launch("nodejs20.x", tmp_path).command[0] == str(tmp_path / "node")
    with pytest.raises(NoInterpreterError, match="node 22 on PATH"):
        interpreters.launch("nodejs22.x", tmp_path)


@pytest.mark.parametrize(
    ("runtime", "image"),
    [("ruby3.4", "ruby:3.4"), ("java8.al2", "java:8.al2"), ("dotnet8", "dotnet:8"), ("nodejs18.x", "nodejs:18")],
)
def test_a_runtime_that_can_not_run_here_names_what_can(tmp_path: Path, runtime: str, image: str) -> None:
    with pytest.raises(NoInterpreterError) as error:
        Interpreters(tmp_path / "runtime", []).launch(runtime, tmp_path)
    assert str(error.value).startswith(f"This machine can't run {runtime}: the local cloud needs ")
    assert f"public.ecr.aws/lambda/{image}," in str(error.value)


def test_a_provided_runtime_needs_a_bootstrap(tmp_path: Path) -> None:
    interpreters = Interpreters(tmp_path / "runtime", [])
    with pytest.raises(NoInterpreterError, match="valid bootstrap"):
        interpreters.launch("provided.al2023", tmp_path)
    program(tmp_path, "bootstrap", "x")
    assert interpreters.launch("provided.al2023", tmp_path).command == (str(tmp_path / "bootstrap"),)
