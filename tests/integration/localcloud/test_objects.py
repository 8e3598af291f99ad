"""S3 over boto3, whose bodies live in the blob store: https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html."""

from __future__ import annotations

import os

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import Bench, zipped

MEGABYTE = 1024 * 1024


def test_an_object_keeps_body_type_and_metadata(bench: Bench) -> None:
    bucket = bench.bucket()
    bench.objects.put_object(
        Bucket=bucket, Key="a/b c+ü", Body=b"body", ContentType="text/plain", Metadata={"lock": "1"}
    )
    found = bench.objects.get_object(Bucket=bucket, Key="a/b c+ü")
    assert (found["Body"].read(), found["ContentType"], found["Metadata"]) == (
        b"body",
        "text/plain",
        {"lock": "1"},
    )


def test_a_range_of_an_object_is_read(bench: Bench) -> None:
    bucket = bench.bucket()
    bench.objects.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    assert bench.objects.get_object(Bucket=bucket, Key="k", Range="bytes=2-4")["Body"].read() == b"234"


def test_a_copy_is_an_object_of_its_own(bench: Bench) -> None:
    bucket = bench.bucket()
    bench.objects.put_object(Bucket=bucket, Key="old", Body=b"body")
    bench.objects.copy_object(Bucket=bucket, Key="new", CopySource={"Bucket": bucket, "Key": "old"})
    bench.objects.delete_object(Bucket=bucket, Key="old")
    assert bench.objects.get_object(Bucket=bucket, Key="new")["Body"].read() == b"body"
    with pytest.raises(ClientError):
        bench.objects.head_object(Bucket=bucket, Key="old")


def test_a_part_is_copied_from_another_object(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html"""
    bucket, slab = bench.bucket(), os.urandom(6 * MEGABYTE)
    bench.objects.put_object(Bucket=bucket, Key="slab", Body=slab)
    upload = bench.objects.create_multipart_upload(Bucket=bucket, Key="slug")["UploadId"]
    where = {"Bucket": bucket, "Key": "slug", "UploadId": upload}
    copied = bench.objects.upload_part_copy(**where, PartNumber=1, CopySource={"Bucket": bucket, "Key": "slab"})
    added = bench.objects.upload_part(**where, PartNumber=2, Body=b"tail")
    parts = [
        {"ETag": copied["CopyPartResult"]["ETag"], "PartNumber": 1},
        {"ETag": added["ETag"], "PartNumber": 2},
    ]
    bench.objects.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert bench.objects.get_object(Bucket=bucket, Key="slug")["Body"].read() == slab + b"tail"


def test_a_function_is_made_from_an_object(bench: Bench) -> None:

    bucket = bench.bucket()
    package = zipped({"app.py": "def handler(event, context):\n    return 'from S3'\n"})
    bench.objects.put_object(Bucket=bucket, Key="slug.zip", Body=package)
    name = bench.deploy(Code={"S3Bucket": bucket, "S3Key": "slug.zip"})
    assert bench.invoke(name) == "from S3"


def test_several_objects_are_deleted_at_once(bench: Bench) -> None:
    bucket = bench.bucket()
    for key in ("a", "b", "c"):
        bench.objects.put_object(Bucket=bucket, Key=key, Body=b"x")
    bench.objects.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    listed = bench.objects.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == ["c"]


def test_one_of_several_writers_of_a_new_key_wins(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html"""
    bucket = bench.bucket()
    bench.objects.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    with pytest.raises(ClientError) as error:
        bench.objects.put_object(Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert error.value.response["Error"]["Code"] == "PreconditionFailed"
    assert bench.objects.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
