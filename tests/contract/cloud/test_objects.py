"""S3 as laambda uses it: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html"""

from __future__ import annotations

import hashlib
import io

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.cloud_bench import Bench, refused

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ministack")]

PART = 5 * 2**20
"""The smallest part that is not the last: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""


def test_what_was_put_is_got_and_described(bench: Bench) -> None:
    bucket = bench.bucket()
    put = bench.objects.put_object(Bucket=bucket, Key="slugs/a b+ü.zip", Body=b"body", Metadata={"lock": "1"})
    got = bench.objects.get_object(Bucket=bucket, Key="slugs/a b+ü.zip")
    head = bench.objects.head_object(Bucket=bucket, Key="slugs/a b+ü.zip")
    assert (got["Body"].read(), got["Metadata"]) == (b"body", {"lock": "1"})
    assert (head["ContentLength"], head["Metadata"]) == (4, {"lock": "1"})
    assert put["ETag"] == got["ETag"] == head["ETag"] == f'"{hashlib.md5(b"body").hexdigest()}"'


def test_the_last_put_wins(bench: Bench) -> None:
    bucket = bench.bucket()
    for body in (b"one", b"two"):
        bench.objects.put_object(Bucket=bucket, Key="k", Body=body)
    assert bench.objects.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"


def test_a_key_that_is_not_there_is_no_such_key(bench: Bench) -> None:
    bucket = bench.bucket()
    with pytest.raises(ClientError) as error:
        bench.objects.get_object(Bucket=bucket, Key="none")
    assert refused(error) == ("NoSuchKey", "The specified key does not exist.")
    with pytest.raises(ClientError) as error:
        bench.objects.head_object(Bucket=bucket, Key="none")
    assert refused(error)[0] == "404"


def test_a_bucket_that_is_not_there_is_no_such_bucket(bench: Bench) -> None:
    with pytest.raises(ClientError) as error:
        bench.objects.put_object(Bucket="there-is-none", Key="k", Body=b"")
    assert refused(error) == ("NoSuchBucket", "The specified bucket does not exist")


def test_a_deleted_object_is_gone_and_deleting_it_again_is_no_error(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html"""
    bucket = bench.bucket()
    bench.objects.put_object(Bucket=bucket, Key="k", Body=b"x")
    for _ in range(2):
        assert bench.objects.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    with pytest.raises(ClientError):
        bench.objects.head_object(Bucket=bucket, Key="k")


def test_a_large_file_goes_in_parts(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""
    bucket, body = bench.bucket(), bytes(range(256)) * (3 * PART // 256)
    config = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=2)
    bench.objects.upload_fileobj(io.BytesIO(body), bucket, "k", Config=config)
    got = bench.objects.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert got["ETag"].endswith('-3"')


def test_a_part_is_copied_from_another_object(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html"""
    bucket, slab = bench.bucket(), bytes(range(256)) * (PART // 256)
    bench.objects.put_object(Bucket=bucket, Key="slab", Body=slab + b"more")
    upload = bench.objects.create_multipart_upload(Bucket=bucket, Key="slug")["UploadId"]
    where = {"Bucket": bucket, "Key": "slug", "UploadId": upload}
    source = {"CopySource": {"Bucket": bucket, "Key": "slab"}, "CopySourceRange": f"bytes=0-{PART - 1}"}
    copied = bench.objects.upload_part_copy(**where, PartNumber=1, **source)["CopyPartResult"]
    added = bench.objects.upload_part(**where, PartNumber=2, Body=b"tail")
    parts = [{"ETag": copied["ETag"], "PartNumber": 1}, {"ETag": added["ETag"], "PartNumber": 2}]
    bench.objects.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert bench.objects.get_object(Bucket=bucket, Key="slug")["Body"].read() == slab + b"tail"


def test_an_aborted_upload_leaves_nothing(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html"""
    bucket = bench.bucket()
    upload = bench.objects.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    bench.objects.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    bench.objects.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    with pytest.raises(ClientError) as error:
        bench.objects.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=2, Body=b"x")
    assert refused(error)[0] == "NoSuchUpload"
    assert "Contents" not in bench.objects.list_objects_v2(Bucket=bucket)


def test_a_part_that_was_not_uploaded_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html (InvalidPart)"""
    bucket = bench.bucket()
    upload = bench.objects.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = {"Parts": [{"ETag": "0" * 32, "PartNumber": 1}]}
    with pytest.raises(ClientError) as error:
        bench.objects.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload=parts)
    assert refused(error)[0] == "InvalidPart"


def test_a_small_part_that_is_not_the_last_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html (EntityTooSmall)"""
    bucket = bench.bucket()
    upload = bench.objects.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    where = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etags = [bench.objects.upload_part(**where, PartNumber=n, Body=b"x")["ETag"] for n in (1, 2)]
    parts = [{"ETag": etag, "PartNumber": number} for number, etag in enumerate(etags, 1)]
    with pytest.raises(ClientError) as error:
        bench.objects.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert refused(error)[0] == "EntityTooSmall"
