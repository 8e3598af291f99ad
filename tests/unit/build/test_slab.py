from __future__ import annotations

import base64
import hashlib
import io
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from laambda.build import slab, slug
from laambda.build.tree import app_files
from laambda.errors import BuildFailed, PlatformError
from tests.unit.build.wheelhouse import stored, wheel


def app(folder: Path, files: dict[str, str | bytes]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def zipped(tmp: Path, made: slab.Slab, tree: Path) -> tuple[slug.Slug, Path]:
    found = slug.write_tail(made, app_files(tree), tmp / "tail")
    slug.assemble(made, tmp / "tail", tmp / "out.zip")
    return found, tmp / "out.zip"


def test_the_zip_holds_dependencies_and_app_and_runs(tmp_path: Path) -> None:
    cache, tree = tmp_path / "cache", app(tmp_path / "app", {"app.py": "import six, attrs\nprint(six.VERSION)\n"})
    made = slab.make(stored(cache, six=wheel("six"), attrs=wheel("attrs")), cache)
    found, path = zipped(tmp_path, made, tree)
    ran = subprocess.run(
        [sys.executable, "-S", "-c", "import app"], env={"PYTHONPATH": str(path)}, capture_output=True, check=True
    )
    assert (ran.stdout, found.size, zipfile.ZipFile(path).testzip()) == (b"1.0\n", path.stat().st_size, None)


def test_the_same_input_is_the_same_zip_on_another_node(tmp_path: Path) -> None:
    tree = app(tmp_path / "app", {"app.py": "x = 1\n" * 50, "data/é.txt": "é"})
    slugs = []
    for node in (tmp_path / "a", tmp_path / "b"):
        node.mkdir()
        os.utime(tree / "app.py", (1, len(slugs)))
        made = slab.make(stored(node / "cache", six=wheel("six")), node / "cache")
        slugs.append((zipped(node, made, tree)[0], (node / "out.zip").read_bytes()))
    assert slugs[0] == slugs[1]


def test_the_code_hash_is_what_lambda_computes(tmp_path: Path) -> None:
    made = slab.make(stored(tmp_path / "cache", six=wheel("six")), tmp_path / "cache")
    tree = app(tmp_path / "app", {"app.py": "x = 1"})
    for change in ("", "2", "3"):
        app(tree, {"app.py": f"x = 1{change}"})
        found, path = zipped(tmp_path, made, tree)
        assert found.sha256 == base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()


def test_members_are_copied_raw_with_fixed_times_and_plain_modes(tmp_path: Path) -> None:
    out = io.BytesIO()
    content = wheel("six", files={})
    out.write(content)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, mode in (("run", 0o100700), ("hidden.py", 0o100600)):
            info = zipfile.ZipInfo(name, (2020, 2, 2, 2, 2, 2))
            info.external_attr = mode << 16
            archive.writestr(info, b"x" * 100, zipfile.ZIP_DEFLATED)
    made = slab.make(stored(tmp_path / "cache", six=out.getvalue()), tmp_path / "cache")
    _, path = zipped(tmp_path, made, app(tmp_path / "app", {"app.py": ""}))
    infos = {info.filename: info for info in zipfile.ZipFile(path).infolist()}
    assert {info.date_time for info in infos.values()} == {(1980, 1, 1, 0, 0, 0)}
    assert [infos[name].external_attr >> 16 for name in ("run", "hidden.py", "app.py")] == [
        0o100755,
        0o100644,
        0o100644,
    ]


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("six.py", "six.py"), ("six-1.data/purelib/a.py", "a.py"), ("six-1.data/platlib/a.so", "a.so"),
        ("six-1.data/data/share/x", "share/x"), ("six-1.data/scripts/run", "bin/run"), ("six-1.data/headers/a.h", ""),
        ("pkg/__pycache__/a.cpython-313.pyc", ""), ("a.pyc", ""), ("six-1.dist-info/RECORD", "six-1.dist-info/RECORD"),
        ("six-1.dist-info/RECORD.jws", ""), ("six-1.data/what/x", ""),
    ],
)  # fmt: skip
def test_a_wheel_is_spread_as_pip_does_it(name: str, place: str) -> None:
    assert slab.place(name)[0] == place


def test_a_scripts_first_line_names_an_interpreter_that_lambda_has(tmp_path: Path) -> None:
    content = wheel("six", files={"six-1.0.data/scripts/run": "#!python\nprint(1)\n"})
    made = slab.make(stored(tmp_path / "cache", six=content), tmp_path / "cache")
    _, path = zipped(tmp_path, made, app(tmp_path / "app", {}))
    with zipfile.ZipFile(path) as archive:
        assert archive.read("bin/run") == b"#!/usr/bin/env python3\nprint(1)\n"
        assert archive.getinfo("bin/run").external_attr >> 16 == 0o100755


def test_a_slab_is_made_once(tmp_path: Path) -> None:
    wheels = stored(tmp_path / "cache", six=wheel("six"))
    assert [slab.make(wheels, tmp_path / "cache").cached for _ in range(2)] == [False, True]


def test_many_may_make_the_same_slab_at_once(tmp_path: Path) -> None:
    wheels = stored(tmp_path / "cache", six=wheel("six"), attrs=wheel("attrs"))
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: slab.make(wheels, tmp_path / "cache"), range(6)))
    assert len({each.folder for each in made}) == 1
    assert [path.name for path in (tmp_path / "cache/slabs").iterdir()] == [made[0].id]


def test_the_app_wins_over_a_dependency_with_no_path_twice(tmp_path: Path) -> None:
    cache, tree = tmp_path / "cache", app(tmp_path / "app", {"six.py": "MINE = 1"})
    wheels = stored(cache, six=wheel("six"))
    hidden = slug.shadowed(slab.make(wheels, cache), app_files(tree))
    _, path = zipped(tmp_path, slab.make(wheels, cache, hidden), tree)
    names = zipfile.ZipFile(path).namelist()
    assert (zipfile.ZipFile(path).read("six.py"), len(names)) == (b"MINE = 1", len(set(names)))


@pytest.mark.parametrize(("dependency", "mine"), [("data/x.py", "data"), ("data", "data/x.py")])
def test_a_file_that_is_a_folder_of_the_other_is_refused(tmp_path: Path, dependency: str, mine: str) -> None:
    made = slab.make(stored(tmp_path / "cache", six=wheel("six", files={dependency: "x"})), tmp_path / "cache")
    with pytest.raises(BuildFailed, match="data is a f"):
        slug.shadowed(made, app_files(app(tmp_path / "app", {mine: "y"})))


def test_two_packages_that_cannot_live_together_are_named(tmp_path: Path) -> None:
    wheels = stored(tmp_path / "cache", a=wheel("a", files={"x": "1"}), b=wheel("b", files={"x/y": "1"}))
    with pytest.raises(BuildFailed, match="x is a file in a and a folder in b"):
        slab.make(wheels, tmp_path / "cache")


def test_a_damaged_slab_is_found_out_and_made_again(tmp_path: Path) -> None:
    cache, tree = tmp_path / "cache", app(tmp_path / "app", {})
    wheels = stored(cache, zope=wheel("zope"))
    made = slab.make(wheels, cache)
    content = bytearray(made.entries.read_bytes())
    content[100] ^= 1
    made.entries.write_bytes(content)
    with pytest.raises(PlatformError, match="damaged"):
        slug.write_tail(made, app_files(tree), tmp_path / "tail")
    assert not slab.make(wheels, cache).cached


def test_an_app_without_dependencies_is_only_its_tail(tmp_path: Path) -> None:
    made = slab.make([], tmp_path / "cache")
    found, path = zipped(tmp_path, made, app(tmp_path / "app", {"app.py": "x = 1", "empty": ""}))
    assert (made.size, found.count, zipfile.ZipFile(path).namelist()) == (0, 2, ["app.py", "empty"])


def test_a_very_large_file_is_stored_in_pieces(tmp_path: Path) -> None:
    size = 33 * 1024 * 1024
    tree = app(tmp_path / "app", {"model.bin": bytes(size)})
    _, path = zipped(tmp_path, slab.make([], tmp_path / "cache"), tree)
    info = zipfile.ZipFile(path).getinfo("model.bin")
    assert (info.compress_type, info.file_size, zipfile.ZipFile(path).testzip()) == (zipfile.ZIP_STORED, size, None)
