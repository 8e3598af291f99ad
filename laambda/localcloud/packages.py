"""Deployment packages: from the request or S3 into the blob store, and unpacked once for running.

A package is checked before anything changes, so that a refused update leaves the function as it was.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from laambda.localcloud.blobs import Blobs
from laambda.localcloud.functions import Code
from laambda.localcloud.limits import UNZIPPED_BYTES, ZIPPED_BYTES
from laambda.localcloud.refusal import RefusedError, invalid

UNPACKED = 32
"""So many packages stay unpacked besides those that run."""

ReadObject = Callable[[str, str, str | None], bytes]
"""Bucket, key and version of an S3 object to its bytes; raises RefusedError when there is none."""


@dataclass(frozen=True)
class Packages:
    """Packages kept in ``blobs`` and unpacked under ``folder``."""

    blobs: Blobs
    folder: Path
    read_object: ReadObject

    def take(self, request: Mapping[str, Any]) -> Code:
        """The package that a CreateFunction ``Code`` or an UpdateFunctionCode body names, checked and kept.

        One of 50 MB or more must come from S3: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html,
        https://docs.aws.amazon.com/lambda/latest/api/API_FunctionCode.html
        """
        if "ZipFile" in request:
            try:
                body = base64.b64decode(request["ZipFile"], validate=True)
            except binascii.Error as error:
                raise invalid(
                    "Could not unzip uploaded file. Please check your file, then try to upload again."
                ) from error
            if len(body) >= ZIPPED_BYTES:
                raise RefusedError(
                    "RequestEntityTooLargeException", f"Zipped size must be smaller than {ZIPPED_BYTES} bytes"
                )
        elif "S3Bucket" in request and "S3Key" in request:
            body = self.read_object(request["S3Bucket"], request["S3Key"], request.get("S3ObjectVersion"))
        else:
            raise invalid("Please provide a source for function code.")
        check_package(body)
        digest = hashlib.sha256(body).digest()
        return Code(self.blobs.put(body), base64.b64encode(digest).decode(), len(body))

    def unpack(self, code: Code) -> Path:
        """The folder that holds the package's files, unpacked at first need and renamed into place."""
        target = self.folder / code.digest
        if target.exists():
            os.utime(target)
            return target
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=self.folder))
        with zipfile.ZipFile(self.blobs.path(code.digest)) as package:
            for member in package.infolist():
                written = Path(package.extract(member, scratch))
                if not member.is_dir():
                    mode = stat.S_IMODE(member.external_attr >> 16)
                    written.chmod((mode & 0o755) | 0o444)
        try:
            scratch.rename(target)
        except OSError:  # another invocation was faster
            shutil.rmtree(scratch)
        return target

    def trim(self, used: set[Path]) -> None:
        """Delete the unpacked folders that are neither ``used`` nor among the last that were asked for."""
        folders = sorted(self.folder.iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
        for folder in folders[UNPACKED:]:
            if folder not in used:
                shutil.rmtree(folder, ignore_errors=True)

    def sweep(self, keep: set[str]) -> None:
        """Delete what is unpacked of packages that are not in ``keep``."""
        if self.folder.exists():
            for folder in self.folder.iterdir():
                if folder.name not in keep:
                    shutil.rmtree(folder)


def check_package(body: bytes) -> None:
    """Refuse what is no zip, is empty, or unpacks to more than 250 MB.

    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise invalid("Could not unzip uploaded file. Please check your file, then try to upload again.") from error
    if not members:
        raise invalid("Uploaded file must be a non-empty zip")
    if sum(member.file_size for member in members) >= UNZIPPED_BYTES:
        raise invalid(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes")
