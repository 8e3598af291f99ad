"""Objects in S3: https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from laambda.cloud.aws_errors import code_of, translated
from laambda.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_MULTIPART = TransferConfig(multipart_threshold=16 * 2**20, multipart_chunksize=16 * 2**20, max_concurrency=4)
_CHUNK = 2**20
_FIRST_REGION = "us-east-1"


class S3Objects:
    """Implements ``ports.ObjectStore``. ``client`` gives the shared client; the bucket is made when first missed."""

    def __init__(self, client: Callable[[], S3Client], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        return self._bucket

    def put(self, key: str, body: Path | bytes) -> None:
        """Large files go in parts, in parallel."""
        with translated(f"PutObject {key}"):
            try:
                self._put(key, body)
            except ClientError as error:
                if code_of(error) != "NoSuchBucket":
                    raise
                self._make_bucket()
                self._put(key, body)

    def get(self, key: str, to: Path) -> None:
        """A reader of ``to`` sees the whole object or none."""
        with translated(f"GetObject {key}"):
            body = self._client().get_object(Bucket=self._bucket, Key=key)["Body"]
            handle, name = tempfile.mkstemp(prefix=f".{to.name}.", dir=to.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    for chunk in body.iter_chunks(_CHUNK):
                        file.write(chunk)
                Path(name).replace(to)
            except BaseException:
                Path(name).unlink()
                raise

    def exists(self, key: str) -> bool:
        try:
            with translated(f"HeadObject {key}"):
                self._client().head_object(Bucket=self._bucket, Key=key)
        except NotFound:
            return False
        return True

    def delete(self, key: str) -> None:
        try:
            with translated(f"DeleteObject {key}"):
                self._client().delete_object(Bucket=self._bucket, Key=key)
        except NotFound:
            return

    def _put(self, key: str, body: Path | bytes) -> None:
        if isinstance(body, bytes):
            self._client().put_object(Bucket=self._bucket, Key=key, Body=body)
        elif body.stat().st_size < _MULTIPART.multipart_threshold:
            with body.open("rb") as file:
                self._client().put_object(Bucket=self._bucket, Key=key, Body=file)
        else:
            with body.open("rb") as file:
                self._client().upload_fileobj(file, self._bucket, key, Config=_MULTIPART)

    def _make_bucket(self) -> None:
        """us-east-1 is the one region that must not be named. Somebody else of ours may have been faster.

        https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        """
        client = self._client()
        region = client.meta.region_name
        try:
            if region == _FIRST_REGION:
                client.create_bucket(Bucket=self._bucket)
            else:
                client.create_bucket(
                    Bucket=self._bucket,
                    CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item]
                )
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":
                raise
