from __future__ import annotations

import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from laambda.build import WorkspaceGone, steps
from laambda.domain.build import Build, BuildKind, Step
from laambda.domain.names import Scope
from laambda.errors import BuildFailed, PlatformError, UserError
from tests.unit.build.wheelhouse import Index, sdist, wheel
from tests.unit.build.workbench import SAMPLES, Workbench

APP = {
    "Procfile": "web: app.handler\njob: tasks.job.run",
    "app.py": "import six\n",
    "tasks/job.py": "",
    "requirements.txt": "six",
}


def refused(bench: Workbench, files: Any, *, until: Step = Step.ZIP) -> UserError:
    with pytest.raises(UserError) as caught:
        bench.run(files, until=until)
    return caught.value


def test_a_push_becomes_a_stored_slug(bench: Workbench, index: Index) -> None:
    index.add("six")
    build = bench.run(APP, until=Step.UPLOAD)
    found = build.results["upload"]
    path = bench.root / "artifacts" / found["key"]
    assert build.results["detect"] == {
        "buildpack": "Python", "runtime": "python3.13", "architecture": "x86_64", "dependencies": "requirements.txt",
        "processes": [{"name": "web", "handler": "app.handler"}, {"name": "job", "handler": "tasks.job.run"}],
    }  # fmt: skip
    assert found["size"] == path.stat().st_size
    assert found["unzipped"] == sum(info.file_size for info in zipfile.ZipFile(path).infolist())
    assert {"six.py", "app.py", "tasks/job.py"} < set(zipfile.ZipFile(path).namelist())


def test_the_developer_sees_what_happened(bench: Workbench, index: Index) -> None:
    size = index.add("six", files={"six.py": bytes(range(256)) * 10}).size
    bench.run(APP)
    lines = bench.lines()
    assert lines[:6] == [
        "-----> Python app detected",
        "       python3.13 on x86_64 (default)",
        "       web: app.handler",
        "       job: tasks.job.run",
        "-----> Installing dependencies from requirements.txt",
        f"       1 package locked, 1 downloaded ({max(1, round(size / 1024))} KB)",
    ]
    assert lines[6].startswith("-----> Zip ")
    assert "1 package, 2 functions, built in " in lines[6]


def test_the_second_push_finds_everything_and_asks_nobody(bench: Workbench, index: Index) -> None:
    index.add("six")
    first = bench.run(APP, until=Step.UPLOAD)
    asked = len(index.requests)
    second = bench.run(APP, until=Step.UPLOAD)
    assert (second.results["upload"], len(index.requests)) == (first.results["upload"], asked)
    assert bench.lines()[-1].endswith("(cache hit)")
    assert bench.artifacts.keys() == [first.results["upload"]["key"]]


def test_two_nodes_make_the_same_slug(tmp_path: Path, index: Index) -> None:
    index.add("six")
    nodes = [Workbench(tmp_path / name) for name in ("a", "b")]
    assert len({str(node.run(APP).results["zip"]) for node in nodes}) == 1


def test_changed_code_keeps_the_slab(bench: Workbench, index: Index) -> None:
    index.add("six")
    first = bench.run(APP).results
    second = bench.run({**APP, "app.py": "import six  # changed\n"}).results
    assert first["zip"]["slab"] == second["zip"]["slab"]
    assert first["zip"]["slug"] != second["zip"]["slug"]


def test_an_app_without_dependencies_needs_no_index(bench: Workbench) -> None:
    build = bench.run(SAMPLES / "hello", until=Step.UPLOAD)
    assert (build.results["build"]["packages"], build.results["detect"]["dependencies"]) == (0, "")


def test_architecture_and_runtime_come_from_the_manifest(bench: Workbench) -> None:
    files = {
        "Procfile": "web: app.handler",
        "app.py": "",
        "laambda.toml": 'architecture = "arm64"\nruntime = "python3.12"',
    }
    found = bench.run(files).results["detect"]
    assert (found["architecture"], found["runtime"]) == ("arm64", "python3.12")


def test_an_ageing_runtime_is_warned_of(bench: Workbench) -> None:
    bench.run({"Procfile": "web: app.handler", "app.py": "", ".python-version": "3.9"}, until=Step.DETECT)
    assert any(line.startswith(" !     python3.9 gets no security patches since 2025-12-15") for line in bench.lines())


def test_what_is_not_an_app_is_refused(bench: Workbench) -> None:
    assert refused(bench, SAMPLES / "not-an-app").message == "This is not an app that laambda knows"


def test_a_broken_procfile_is_refused_with_its_line(bench: Workbench) -> None:
    assert refused(bench, SAMPLES / "broken-procfile").message == "Procfile line 2: 'hello app.handler' has no colon"


def test_a_missing_procfile_says_what_to_write(bench: Workbench) -> None:
    error = refused(bench, {"lambda_function.py": ""})
    assert "echo 'web: lambda_function.lambda_handler' > Procfile" in error.hint


@pytest.mark.parametrize("requirements", [{}, {"requirements.txt": "six"}])
def test_a_handler_without_its_module_is_refused_by_line(
    bench: Workbench, index: Index, requirements: dict[str, str]
) -> None:
    index.add("six")
    error = refused(bench, {"Procfile": "a: app.h\nb: gone.h", "app.py": "", **requirements})
    assert error.message == "Procfile line 2: b runs gone.h, but there is no gone.py"


def test_a_handler_may_live_in_a_dependency(bench: Workbench, index: Index) -> None:
    index.add("six")
    assert bench.run({"Procfile": "web: six.handler", "requirements.txt": "six"})


def test_a_handler_that_is_ignored_is_told_so(bench: Workbench) -> None:
    error = refused(bench, {"Procfile": "web: app.h", "app.py": "", ".laambdaignore": "app.py"})
    assert error.message.endswith("but app.py is ignored")


def test_the_app_may_replace_a_file_of_a_dependency(bench: Workbench, index: Index) -> None:
    index.add("six")
    build = bench.run({**APP, "six.py": "MINE = 1"}, until=Step.UPLOAD)
    with zipfile.ZipFile(bench.root / "artifacts" / build.results["upload"]["key"]) as archive:
        assert (archive.read("six.py"), archive.testzip()) == (b"MINE = 1", None)
    assert " !     The app replaces 1 file(s) of its dependencies: six.py" in bench.lines()


def test_no_code_of_the_customer_runs_on_the_host(bench: Workbench, index: Index, tmp_path: Path) -> None:
    sentinel = tmp_path / "ran"
    evil = f"open({str(sentinel)!r}, 'w').close()\n"
    index.publish("olden-1.0.tar.gz", sdist("olden", "1.0", evil))
    backend = {
        "backend.py": evil,
        "setup.py": evil,
        "setup.cfg": "",
        "sitecustomize.py": evil,
        "usercustomize.py": evil,
    }
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    for lines in ("olden", "-e .", ".", f"olden @ {index.url}/../files/olden-1.0.tar.gz", "--no-binary :all:\nolden"):
        refused(
            bench,
            {"Procfile": "web: app.h", "app.py": evil, "requirements.txt": lines, **backend, "pyproject.toml": system},
        )
    for project in ('dynamic = ["dependencies"]', 'dependencies = ["olden"]', 'dependencies = ["x @ file:///tmp"]'):
        text = f"{system}[project]\nname = 'x'\nversion = '1'\n{project}\n"
        refused(bench, {"Procfile": "web: app.h", "app.py": evil, **backend, "pyproject.toml": text})
    bench.run({"Procfile": "web: app.h", "app.py": evil, **backend, "pyproject.toml": system})
    assert not sentinel.exists()


def test_a_wheel_that_left_the_index_is_resolved_anew(bench: Workbench, index: Index) -> None:
    index.add("six", "1.0")
    bench.run(APP)
    index.files.clear()
    index.add("six", "2.0")
    shutil.rmtree(bench.root / "cache" / "wheels")
    shutil.rmtree(bench.root / "cache" / "slabs")
    shutil.rmtree(bench.root / "cache" / "uv")
    bench.run(APP)
    assert list((bench.root / "cache" / "wheels").iterdir())


@pytest.mark.slow
def test_an_app_over_the_limit_is_refused_with_the_heaviest_packages(bench: Workbench, index: Index) -> None:
    index.publish("huge-1.0-py3-none-any.whl", wheel("huge", files={"huge.bin": bytes(263 * 1024 * 1024)}))
    index.add("six")
    error = refused(bench, {**APP, "requirements.txt": "six\nhuge"})
    assert error.message == "The app unpacks to 263.0 MB, Lambda takes 250.0 MB unpacked"
    assert [line.split() for line in bench.lines()[-2:]] == [["huge", "263.0", "MB"], ["six", "1", "KB"]]


@pytest.mark.parametrize("step", [Step.DETECT, Step.BUILD, Step.ZIP])
def test_a_link_on_another_node_asks_for_a_fresh_start(bench: Workbench, step: Step) -> None:
    build = bench.run(SAMPLES / "hello")
    shutil.rmtree(bench.root / "workspace")
    link = {Step.DETECT: steps.detect, Step.BUILD: steps.build, Step.ZIP: steps.zip_code}[step]
    with pytest.raises(WorkspaceGone):
        link(bench.context(build, bench.offline_services))


def test_an_upload_that_finds_its_slug_needs_no_workspace(bench: Workbench) -> None:
    build = bench.run(SAMPLES / "hello", until=Step.UPLOAD)
    shutil.rmtree(bench.root / "workspace")
    assert steps.upload(bench.context(build, bench.services)) == build.results["upload"]


def test_an_upload_without_its_tail_starts_again(bench: Workbench) -> None:
    build = bench.run(SAMPLES / "hello")
    shutil.rmtree(bench.root / "workspace")
    with pytest.raises(WorkspaceGone):
        steps.upload(bench.context(build, bench.services))


def test_a_lost_source_is_ours(bench: Workbench) -> None:
    build = replace(Build(Scope("api"), BuildKind.PUSH, "jane", "x", source="sources/gone.tar"), id=1)
    with pytest.raises(PlatformError, match="stored source"):
        steps.extract(bench.context(build, bench.offline_services))


def test_links_may_run_twice(bench: Workbench) -> None:
    build = bench.run(SAMPLES / "hello")
    assert steps.zip_code(bench.context(build, bench.offline_services)) == build.results["zip"]


def test_no_cache_resolves_anew(bench: Workbench, index: Index) -> None:
    index.add("six")
    bench.run(APP)
    bench.run(APP, until=Step.BUILD, no_cache=True)
    assert "1 package locked" in bench.lines()[-1]


def test_bad_requirements_name_the_line(bench: Workbench) -> None:
    with pytest.raises(BuildFailed, match=r"requirements\.txt line 1"):
        bench.run({**APP, "requirements.txt": "git+https://host.example/x"})
