"""What was answered is still true after the process was killed and started again."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError

from laambda.localcloud.journal import Journal
from tests.cloud_bench import Bench, zipped
from tests.cloud_fixture import RunningCloud, running_cloud

pytestmark = pytest.mark.slow

SECRET = "hunter2-do-not-store-me-in-clear"


def killed(cloud: RunningCloud) -> None:
    cloud.process.kill()
    cloud.process.wait()


def bare(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer without what belongs to the call or to the process that answered."""
    return {name: value for name, value in answer.items() if name not in ("ResponseMetadata", "Code", "Body")}


def everything(bench: Bench, name: str, bucket: str) -> dict[str, Any]:
    functions, objects = bench.functions, bench.objects
    return {
        "function": bare(functions.get_function(FunctionName=name)),
        "versions": bare(functions.list_versions_by_function(FunctionName=name)),
        "aliases": bare(functions.list_aliases(FunctionName=name)),
        "policy": bare(functions.get_policy(FunctionName=name)),
        "buckets": bare(objects.list_buckets()),
        "listing": bare(objects.list_objects_v2(Bucket=bucket)),
        "object": bare(objects.get_object(Bucket=bucket, Key="slug")),
        "tagging": bare(objects.get_object_tagging(Bucket=bucket, Key="slug")),
        "roles": bare(bench.cloud.client("iam").list_roles()),
        "keys": bare(bench.cloud.client("kms").list_keys()),
        "retention": bench.logs.describe_log_groups()["logGroups"][0]["retentionInDays"],
    }


def populate(bench: Bench) -> tuple[str, str]:
    bucket = bench.bucket()
    package = zipped({"app.py": "def handler(event, context):\n    return 'kept'\n"})
    bench.objects.put_object(Bucket=bucket, Key="slug", Body=package, Tagging="app=api", Metadata={"lock_id": "7"})
    name = bench.deploy(
        Code={"S3Bucket": bucket, "S3Key": "slug"},
        Environment={"Variables": {"PASSWORD": SECRET}},
        Tags={"laambda:app": "api/production"},
    )
    bench.publish(name)
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", Description="token 1")
    bench.functions.add_permission(
        FunctionName=name, StatementId="s", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    bench.cloud.client("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument="{}")
    bench.cloud.client("kms").create_key(Description="config")
    bench.invoke(name)
    bench.logs.put_retention_policy(logGroupName=f"/aws/lambda/{name}", retentionInDays=7)
    return name, bucket


def test_all_state_is_equal_after_kill_9_and_after_another_start(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        bench = Bench(cloud)
        name, bucket = populate(bench)
        before = everything(bench, name, bucket)
        killed(cloud)
    for _ in range(2):
        with running_cloud(tmp_path) as cloud:
            bench = Bench(cloud)
            assert everything(bench, name, bucket) == before
            assert bench.invoke(name, Qualifier="live") == "kept"


def test_a_kms_key_still_decrypts(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        keys = cloud.client("kms")
        key = keys.create_key()["KeyMetadata"]["KeyId"]
        sealed = keys.encrypt(KeyId=key, Plaintext=b"hello")["CiphertextBlob"]
        killed(cloud)
    with running_cloud(tmp_path) as cloud:
        assert cloud.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"hello"


def test_no_secret_is_on_disk_in_clear_and_no_other_user_may_read(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        populate(Bench(cloud))
        stored = [path for path in tmp_path.rglob("*") if path.is_file() and "runtime" not in path.parts]
        assert not [path for path in stored if SECRET.encode() in path.read_bytes()]
    assert tmp_path.stat().st_mode & 0o077 == 0
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("journal", "key")] == [0o600, 0o600]


def test_whatever_was_answered_before_kill_9_is_found(tmp_path: Path) -> None:
    """Four writers at once, the process killed among them."""
    told: dict[str, int] = {}

    def write(cloud: RunningCloud, name: str) -> None:
        functions, objects = cloud.client("lambda"), cloud.client("s3")
        for count in range(10_000):
            try:
                objects.put_object(Bucket="bucket", Key=name, Body=str(count).encode())
                functions.update_alias(FunctionName=name, Name="live", Description=str(count))
            except BotoCoreError:
                return
            told[name] = count

    with running_cloud(tmp_path) as cloud, ThreadPoolExecutor(4) as threads:
        bench = Bench(cloud)
        cloud.client("s3").create_bucket(Bucket="bucket")
        names = [bench.deploy() for _ in range(4)]
        for name in names:
            bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="$LATEST")
            threads.submit(write, cloud, name)
        while min(told.get(name, 0) for name in names) < 20:
            time.sleep(0.01)
        killed(cloud)
    with running_cloud(tmp_path) as cloud:
        for name in names:
            alias = cloud.client("lambda").get_alias(FunctionName=name, Name="live")
            body = cloud.client("s3").get_object(Bucket="bucket", Key=name)["Body"].read()
            assert told[name] <= int(alias["Description"]) <= told[name] + 1
            assert told[name] <= int(body) <= told[name] + 1


def test_a_half_written_last_record_is_dropped(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        for name in ("kept", "torn"):
            cloud.client("s3").create_bucket(Bucket=name)
        killed(cloud)
    os.truncate(tmp_path / "journal", (tmp_path / "journal").stat().st_size - 3)
    with running_cloud(tmp_path) as cloud:
        cloud.client("s3").create_bucket(Bucket="later")
        killed(cloud)
    with running_cloud(tmp_path) as cloud:
        assert [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]] == ["kept", "later"]


def test_state_of_another_version_is_refused_in_one_line_and_kept(tmp_path: Path) -> None:
    """The record opens with its key, and what is in it is not known here."""
    journal = Journal(tmp_path)
    journal.append({"kind": "function", "function": "arn", "document": {"colour": "red"}})
    journal.close()
    before = (tmp_path / "journal").read_bytes()
    command = [sys.executable, "-m", "laambda.localcloud", "--port", "0", "--home", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stderr.count("\n") <= 2
    assert "was made by another version of laambda" in done.stderr
    assert (tmp_path / "journal").read_bytes() == before


@pytest.mark.parametrize(
    "end",
    [
        lambda objects: objects.delete_object(Bucket="space", Key="big"),
        lambda objects: objects.put_object(Bucket="space", Key="big", Body=b"small"),
    ],
)
def test_space_of_deleted_and_replaced_objects_comes_back(tmp_path: Path, end: Callable[[Any], None]) -> None:
    with running_cloud(tmp_path) as cloud:
        objects = cloud.client("s3")
        objects.create_bucket(Bucket="space")
        objects.put_object(Bucket="space", Key="big", Body=bytes(1_000_000))
        end(objects)
    with running_cloud(tmp_path):
        assert sum(path.stat().st_size for path in (tmp_path / "blobs").rglob("*") if path.is_file()) < 1000


def test_an_update_settles_to_the_same_revision_after_a_restart(tmp_path: Path) -> None:
    """The revision that a settled update takes is decided when the update is made."""
    with running_cloud(tmp_path, settle=1500) as cloud:
        bench = Bench(cloud)
        name = bench.deploy(ready=False)
        killed(cloud)
    with running_cloud(tmp_path, settle=1500) as cloud:
        first = Bench(cloud).settled(name)["RevisionId"]
        killed(cloud)
    with running_cloud(tmp_path) as cloud:
        assert Bench(cloud).settled(name)["RevisionId"] == first
