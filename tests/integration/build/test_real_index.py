"""Against the real package index: what a developer's first push does."""

from __future__ import annotations

import base64
import json
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from laambda.domain.build import Build, Step
from laambda.errors import BuildFailed
from tests.unit.build.workbench import SAMPLES, Workbench, read_tree

MACHINE = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# A one-pixel PNG, so that no image library is needed here.
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not MACHINE or not sys.platform.startswith("linux"), reason="needs Linux as Lambda has it"),
]


def thumbnails() -> dict[str, str | bytes]:
    """The sample app for this very interpreter and machine."""
    here = {".python-version": f"{PYTHON}\n", "laambda.toml": f'architecture = "{MACHINE}"\n'}
    return {**read_tree(SAMPLES / "thumbnails"), **here}


def zip_of(bench: Workbench, build: Build) -> Path:
    return bench.root / "artifacts" / build.results["upload"]["key"]


def call(folder: Path, handler: str, event: object) -> subprocess.CompletedProcess[str]:
    """Run a handler as the runtime would: the unpacked zip and the interpreter's own library, nothing else."""
    module, function = handler.rsplit(".", 1)
    code = f"import json, sys; from {module} import {function} as f; print(json.dumps(f(json.load(sys.stdin), None)))"
    return subprocess.run(
        [sys.executable, "-S", "-B", "-c", code],
        input=json.dumps(event),
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_the_sample_app_builds_and_its_handlers_run(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "node")
    build = bench.run(thumbnails(), until=Step.UPLOAD)
    folder = tmp_path / "task"
    with zipfile.ZipFile(zip_of(bench, build)) as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    resized = call(folder, "ResizeThumbnail.handler", {"image": PIXEL, "width": 64}).stdout.splitlines()
    assert resized[0] == "resize: 1x1 -> 64x64"
    answer = json.loads(resized[1])
    made = call(folder, "CreateThumbnail.handler", {"image": answer["image"]}).stdout.splitlines()
    assert made[0] == "thumbnail: 64x64 -> 64x64"
    assert base64.b64decode(json.loads(made[1])["image"]).startswith(b"\x89PNG")


def test_two_nodes_agree_on_a_real_app_byte_for_byte(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        bench = Workbench(tmp_path / name)
        found.append(zip_of(bench, bench.run(thumbnails(), until=Step.UPLOAD)).read_bytes())
    assert found[0] == found[1]


@pytest.mark.parametrize("runtime", ["python3.11", "python3.14"])
@pytest.mark.parametrize("architecture", ["x86_64", "arm64"])
def test_the_sample_app_builds_for_other_runtimes(tmp_path: Path, runtime: str, architecture: str) -> None:
    bench = Workbench(tmp_path / "node")
    manifest = f'runtime = "{runtime}"\narchitecture = "{architecture}"\n'
    build = bench.run({**read_tree(SAMPLES / "thumbnails"), "laambda.toml": manifest}, until=Step.UPLOAD)
    with zipfile.ZipFile(zip_of(bench, build)) as archive:
        library = next(name for name in archive.namelist() if name.startswith("PIL/_imaging.cpython"))
        machine = archive.read(library)[18:20]
    assert library.split("-")[1] == runtime.removeprefix("python").replace(".", "")
    assert machine == {"x86_64": b"\x3e\x00", "arm64": b"\xb7\x00"}[architecture]  # ELF e_machine


@pytest.mark.skipif(shutil.which("unzip") is None, reason="unzip is not installed")
def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    bench = Workbench(tmp_path / "node")
    files = {"Procfile": "web: app.handler", "app.py": "", "requirements.txt": "requests==2.32.3\nprotobuf==7.36.2\n"}
    path = zip_of(bench, bench.run(files, until=Step.UPLOAD))
    done = subprocess.run(["unzip", "-tq", str(path)], capture_output=True, text=True, check=False)
    assert (done.returncode, "No errors" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("docopt==0.6.2", "docopt has no wheel for python3.13 on x86_64 (glibc 2.34), only sources or other platforms"),
        ("requests==99.1", "There is no version requests==99.1 for python3.13 on x86_64"),
    ],
)
def test_the_real_index_is_understood(tmp_path: Path, requirement: str, message: str) -> None:
    with pytest.raises(BuildFailed) as caught:
        Workbench(tmp_path / "node").run({"Procfile": "a: b.c", "b.py": "", "requirements.txt": requirement})
    assert caught.value.message == message
