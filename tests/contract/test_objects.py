"""What an object store promises: the fake and S3 alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from laambda.cloud.target import target_cloud
from laambda.domain.app import Target
from laambda.errors import NotFound
from laambda.ports import ObjectStore
from tests.cloud_fixture import RunningCloud
from tests.fakes.objects import FakeObjects


@pytest.fixture(params=["fake", "s3", "s3-abroad"])
def objects(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ObjectStore:
    """A store whose bucket does not exist yet."""
    if request.param == "fake":
        folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("objects")
        return FakeObjects(folder)
    cloud: RunningCloud = request.getfixturevalue("local_cloud")
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    region = "us-east-1" if request.param == "s3" else "eu-central-1"
    bucket = f"test-{abs(hash(str(tmp_path)))}"
    return target_cloud(Target(region=region), bucket=bucket).artifacts


class TestObjectStore:
    def test_gives_back_the_bytes_that_were_put(self, objects: ObjectStore, tmp_path: Path) -> None:
        objects.put("outputs/1.txt", b"line\n")
        objects.get("outputs/1.txt", tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == b"line\n"

    def test_takes_files_smaller_and_larger_than_one_part(self, objects: ObjectStore, tmp_path: Path) -> None:
        for size in (3, 17 * 2**20):
            (tmp_path / "slug").write_bytes(b"z" * size)
            objects.put("slugs/a.zip", tmp_path / "slug")
            objects.get("slugs/a.zip", tmp_path / "copy")
            assert (tmp_path / "copy").stat().st_size == size

    def test_knows_what_exists(self, objects: ObjectStore) -> None:
        assert not objects.exists("slugs/a.zip")
        objects.put("slugs/a.zip", b"zip")
        assert objects.exists("slugs/a.zip")

    def test_a_missing_object_leaves_no_file_behind(self, objects: ObjectStore, tmp_path: Path) -> None:
        objects.put("there", b"")
        with pytest.raises(NotFound):
            objects.get("missing", tmp_path / "copy")
        assert list(tmp_path.iterdir()) == []

    def test_deleting_is_harmless_where_there_is_nothing(self, objects: ObjectStore) -> None:
        objects.delete("missing")
        objects.put("slugs/a.zip", b"zip")
        objects.delete("slugs/a.zip")
        assert not objects.exists("slugs/a.zip")
