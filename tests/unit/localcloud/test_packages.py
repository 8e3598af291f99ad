from __future__ import annotations

import base64
import io
import os
import zipfile
from pathlib import Path

import pytest

from laambda.localcloud.blobs import Blobs
from laambda.localcloud.packages import UNPACKED, Packages
from laambda.localcloud.refusal import RefusedError, invalid


def package(files: dict[str, int]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        for name, mode in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = mode << 16
            archive.writestr(member, name)
    return body.getvalue()


def nothing(bucket: str, key: str, version: str | None) -> bytes:
    raise invalid(f"{bucket}/{key}/{version}")


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    return Packages(Blobs(tmp_path / "blobs"), tmp_path / "functions", nothing)


def encoded(body: bytes) -> dict[str, str]:
    return {"ZipFile": base64.b64encode(body).decode()}


def test_a_package_is_unpacked_once_with_modes_that_can_be_read(packages: Packages) -> None:
    code = packages.take(encoded(package({"app.py": 0o600, "bin/run": 0o755, "plain": 0o100})))
    folder = packages.unpack(code)
    modes = {name: (folder / name).stat().st_mode & 0o777 for name in ("app.py", "bin/run", "plain")}
    assert modes == {"app.py": 0o644, "bin/run": 0o755, "plain": 0o544}
    assert packages.unpack(code) == folder


def test_a_member_that_points_outside_stays_inside(packages: Packages, tmp_path: Path) -> None:
    folder = packages.unpack(packages.take(encoded(package({"../../escaped": 0o644, "/etc/absolute": 0o644}))))
    assert {path.name for path in folder.rglob("*") if path.is_file()} == {"escaped", "absolute"}
    assert not list(tmp_path.parent.glob("escaped"))


@pytest.mark.parametrize("body", [b"", b"PK", b"x" * 100])
def test_what_is_no_zip_is_refused_and_not_kept(packages: Packages, body: bytes) -> None:
    with pytest.raises(RefusedError, match="Could not unzip"):
        packages.take(encoded(body))
    assert not packages.blobs.folder.exists()


def test_a_package_needs_a_source(packages: Packages) -> None:
    with pytest.raises(RefusedError, match="Please provide a source for function code"):
        packages.take({"S3Bucket": "b"})


def test_only_used_and_recent_packages_stay_unpacked(packages: Packages) -> None:
    codes = [packages.take(encoded(package({str(number): 0o644}))) for number in range(UNPACKED + 2)]
    folders = [packages.unpack(code) for code in codes]
    for age, folder in enumerate(reversed(folders)):
        os.utime(folder, (1_000_000 - age, 1_000_000 - age))
    packages.trim({folders[0]})
    assert [folder.exists() for folder in folders] == [True, False, *[True] * UNPACKED]


def test_what_no_function_needs_is_swept(packages: Packages) -> None:
    kept, gone = (packages.take(encoded(package({name: 0o644}))) for name in ("a", "b"))
    folders = [packages.unpack(code) for code in (kept, gone)]
    packages.sweep({kept.digest})
    packages.blobs.sweep({kept.digest})
    assert [folder.exists() for folder in folders] == [True, False]
    assert packages.blobs.get(kept.digest)
    with pytest.raises(FileNotFoundError):
        packages.blobs.get(gone.digest)
