"""S3 objects as documents: what the journal keeps of a key, and moto's objects made from it again.

Bodies go to the blob store, and moto then reads them from there: neither memory nor a second copy on disk grows with
what is stored. Uploads in parts that are not completed do not survive a restart, as if AbortMultipartUpload had come.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from moto.s3.models import FakeBucket, FakeDeleteMarker, FakeKey, s3_backends

from laambda.localcloud.blobs import Blobs
from laambda.localcloud.emulated import ACCOUNT

PLAIN = (
    "_etag",
    "_is_versioned",
    "_storage_class",
    "_version_id",
    "bucket_key_enabled",
    "checksum_algorithm",
    "checksum_parts",
    "checksum_type",
    "checksum_value",
    "contentsize",
    "encryption",
    "kms_key_id",
    "website_redirect_location",
)

Document = Mapping[str, Any]


class BlobBody:
    """Stands where moto keeps a body in a temporary file: reads the blob, holds nothing open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._at = 0

    @property
    def digest(self) -> str:
        return self.path.name

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.path.stat().st_size}[whence]
        self._at = base + place
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        with self.path.open("rb") as file:
            file.seek(self._at)
            data = file.read(size)
        self._at += len(data)
        return data

    def close(self) -> None:
        """Nothing is open."""


class Objects:
    """Between moto's buckets and documents."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def document(self, bucket: str, key: str) -> list[Document]:
        """Every version of a key, oldest first; empty when there is none. Moves new bodies to the blob store."""
        held = s3_backends[ACCOUNT]["aws"].buckets.get(bucket)
        versions = held.keys.getlist(key, []) if held else []
        return [self._describe(version) for version in versions]

    def restore(self, bucket: str, key: str, versions: Sequence[Document]) -> None:
        """Make the key what its document says."""
        held: FakeBucket | None = s3_backends[ACCOUNT]["aws"].buckets.get(bucket)
        if held is None:
            return
        if not versions:
            if held.keys.getlist(key):
                held.keys.pop(key)
            return
        held.keys.setlist(key, [self._make(held, key, version) for version in versions])

    def all(self) -> Iterator[tuple[str, str, list[Document]]]:
        """Bucket, key and document of everything stored."""
        for name, bucket in s3_backends[ACCOUNT]["aws"].buckets.items():
            for key in bucket.keys:
                yield name, key, self.document(name, key)

    def date(self, bucket: str, moment: float) -> None:
        """Set when a bucket was made; moto takes that from a clock of its own."""
        if held := s3_backends[ACCOUNT]["aws"].buckets.get(bucket):
            held.creation_date = datetime.fromtimestamp(moment, UTC)

    def _describe(self, held: FakeKey | FakeDeleteMarker) -> Document:
        modified = held.last_modified.isoformat()
        if isinstance(held, FakeDeleteMarker):
            return {"marker": held.version_id, "modified": modified}
        version: Any = held  # its body is about to be another kind of file
        if not isinstance(version._value_buffer, BlobBody):
            version.etag  # noqa: B018 - computed from the body that is about to move
            digest = self._blobs.put(version.value)
            version._value_buffer.close()
            version._value_buffer = BlobBody(self._blobs.path(digest))
            version.multipart = None  # it would keep every part
        tags = s3_backends[ACCOUNT]["aws"].tagger.get_tag_dict_for_resource(version.arn)
        return {
            "body": version._value_buffer.digest,
            "modified": modified,
            "metadata": dict(version.metadata),
            "tags": tags,
            "fields": {name: getattr(version, name) for name in PLAIN},
        }

    def _make(self, bucket: FakeBucket, key: str, document: Document) -> FakeKey | FakeDeleteMarker:
        made: Any = FakeKey(key, b"", ACCOUNT, bucket.region_name, bucket_name=bucket.name)
        modified = datetime.fromisoformat(document["modified"])
        if "marker" in document:
            marker = FakeDeleteMarker(made)
            marker._version_id, marker.last_modified = document["marker"], modified
            return marker
        made._value_buffer.close()
        made._value_buffer = BlobBody(self._blobs.path(document["body"]))
        made.last_modified = modified
        made.set_metadata(dict(document["metadata"]), replace=False)
        for name, value in document["fields"].items():
            setattr(made, name, value)
        if document["tags"]:
            tagger = s3_backends[ACCOUNT]["aws"].tagger
            tagger.delete_all_tags_for_resource(made.arn)
            tagger.tag_resource(made.arn, [{"Key": name, "Value": value} for name, value in document["tags"].items()])
        restored: FakeKey = made
        return restored
