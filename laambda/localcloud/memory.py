"""Survives restarts: decides what of a request is to be remembered, and brings it all back.

Four kinds of record. A *function*, *version* or *object* record holds the whole state of one function, published
version or S3 key, the last one winning. Everything else that changes (buckets, keys, roles, log groups) is kept as the
*request* itself, with the time and the seed under which it ran, and is run again. Log events are not kept.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree as ET

from laambda.localcloud import determinism
from laambda.localcloud.blobs import Blobs
from laambda.localcloud.emulated import Emulated
from laambda.localcloud.exchange import Answer, Request
from laambda.localcloud.functions import (
    Function,
    Version,
    from_document,
    to_document,
    version_from_document,
    version_to_document,
)
from laambda.localcloud.journal import Entry, Journal
from laambda.localcloud.objects import Objects
from laambda.localcloud.packages import Packages
from laambda.localcloud.registry import Registry
from laambda.localcloud.sandbox import Line

READING = ("Get", "List", "Describe", "Simulate", "Filter", "Test", "Lookup", "Generate", "Start", "Stop")
UNKEPT = {
    "kms": ("Encrypt", "Decrypt", "ReEncrypt", "Sign", "Verify"),
    "logs": ("PutLogEvents", "CreateLogStream", "DeleteLogStream"),
}
KEPT_SERVICES = ("s3", "iam", "kms", "logs")
KEPT_HEADERS = ("content-type", "authorization", "host", "x-amz-")


class Memory:
    """The journal around moto's services; ``record`` is for our own Lambda."""

    def __init__(self, journal: Journal, emulated: Emulated, blobs: Blobs) -> None:
        self._journal, self._emulated, self._blobs = journal, emulated, blobs
        self._objects = Objects(blobs)
        self._requests: list[Entry] = []
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Answer a request of moto's services, remembering it first if it changed something."""
        if not changes(request):
            return self._emulated.answer(request)
        with self._lock:
            seed, now = determinism.new_seed(), time.time()
            with determinism.fixed(seed, now):
                answer = self._emulated.answer(request)
            if answer.status < 400:
                self._remember(request, seed, now)
            return answer

    def write_log(self, region: str, group: str, stream: str, lines: list[Line]) -> None:
        """Put lines into CloudWatch Logs; the group, made when missing, is remembered."""
        if not self._emulated.has_log_group(region, group):
            self.answer(_create_log_group(region, group))
        self._emulated.write_log(region, group, stream, lines)

    def record(self, old: Function | None, new: Function | None) -> None:
        """Remember a function's next value, or with None that it is gone; only what differs is written."""
        if new is None:
            if old:
                self._journal.append(_deletion_entry(old))
            return
        known = old.versions if old else {}
        for entry in _function_entries(new, known):
            self._journal.append(entry)

    def replay(self, registry: Registry) -> None:
        """Bring everything back. Raises JournalDamagedError and JournalForeignError."""
        versions: dict[str, dict[str, Version]] = defaultdict(dict)
        for entry in self._journal.entries():
            try:
                self._restore(entry, registry, versions)
            except (KeyError, TypeError, ValueError) as error:
                raise self._journal.foreign() from error

    def _restore(self, entry: Entry, registry: Registry, versions: dict[str, dict[str, Version]]) -> None:
        match entry["kind"]:
            case "function" if entry["document"] is None:
                registry.forget(entry["region"], entry["name"])
            case "function":
                registry.restore(from_document(entry["document"], versions[entry["function"]]))
            case "version":
                version = version_from_document(entry["document"])
                versions[entry["function"]][version.number] = version
            case "object":
                self._objects.restore(entry["bucket"], entry["key"], entry["versions"])
            case "request":
                self._requests.append(entry)
                self._again(entry)
            case kind:
                raise ValueError(kind)

    def compact(self, registry: Registry, packages: Packages) -> None:
        """Write the journal anew without what has been replaced or deleted, and free its blobs."""
        functions = registry.all()
        objects = list(self._objects.all())
        self._journal.rewrite(
            [
                *self._requests,
                *(_object_entry(*held) for held in objects),
                *(entry for one in functions for entry in _function_entries(one, {})),
            ]
        )
        codes = {digest for one in functions for digest in one.codes()}
        bodies = {version["body"] for _, _, versions in objects for version in versions if "body" in version}
        self._blobs.sweep(codes | bodies)
        packages.sweep(codes)

    def _remember(self, request: Request, seed: bytes, now: float) -> None:
        touched = touched_objects(request)
        if touched is None:
            entry = _request_entry(request, seed, now)
            self._requests.append(entry)
            self._journal.append(entry)
            self._date_bucket(request, now)
            return
        bucket, keys = touched
        for key in keys:
            self._journal.append(_object_entry(bucket, key, self._objects.document(bucket, key)))

    def _again(self, entry: Entry) -> None:
        body = base64.b64decode(entry["body"])
        request = Request(entry["method"], entry["target"], entry["headers"], body)
        with determinism.fixed(base64.b64decode(entry["seed"]), entry["time"]):
            self._emulated.answer(request)
        self._date_bucket(request, entry["time"])

    def _date_bucket(self, request: Request, now: float) -> None:
        if request.method == "PUT" and request.scope()[1] == "s3" and "?" not in request.target:
            self._objects.date(request.path.strip("/"), now)


def changes(request: Request) -> bool:
    """Whether a request may change what is to be remembered."""
    _, service = request.scope()
    if service == "s3":
        query = request.query
        unfinished = "uploads" in query or "partNumber" in query or ("uploadId" in query and request.method == "DELETE")
        return request.method in ("PUT", "POST", "DELETE") and not unfinished and "select" not in query
    action = _action(request)
    return service in KEPT_SERVICES and not action.startswith(READING + UNKEPT.get(service, ()))


def touched_objects(request: Request) -> tuple[str, Sequence[str]] | None:
    """Bucket and keys that a changing S3 request is about; None when it is about something else."""
    if request.scope()[1] != "s3":
        return None
    bucket, _, key = unquote(request.path).removeprefix("/").partition("/")
    if key:
        return bucket, [key]
    if request.method == "POST" and "delete" in request.query:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html; moto parsed this body already
        root = ET.fromstring(request.body)  # noqa: S314
        return bucket, [node.text or "" for node in root.iter() if node.tag.rpartition("}")[2] == "Key"]
    return None


def _action(request: Request) -> str:
    """The operation's name, of the JSON and of the query protocol."""
    if target := request.headers.get("x-amz-target"):
        return target.rpartition(".")[2]
    return parse_qs(request.body.decode("latin-1")).get("Action", [""])[0]


def _create_log_group(region: str, group: str) -> Request:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html"""
    headers = {
        "authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{region}/logs/aws4_request, Signature=local",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": "Logs_20140328.CreateLogGroup",
    }
    return Request("POST", "/", headers, json.dumps({"logGroupName": group}).encode())


def _request_entry(request: Request, seed: bytes, now: float) -> Entry:
    return {
        "kind": "request",
        "method": request.method,
        "target": request.target,
        "headers": {name: value for name, value in request.headers.items() if name.startswith(KEPT_HEADERS)},
        "body": base64.b64encode(request.body).decode(),
        "seed": base64.b64encode(seed).decode(),
        "time": now,
    }


def _object_entry(bucket: str, key: str, versions: Sequence[Mapping[str, Any]]) -> Entry:
    return {"kind": "object", "bucket": bucket, "key": key, "versions": list(versions)}


def _function_entries(function: Function, known: Mapping[str, Version]) -> Iterator[Entry]:
    """The versions that differ from the ``known`` ones, then the function."""
    for number, version in function.versions.items():
        if known.get(number) != version:
            yield {"kind": "version", "function": function.arn, "document": version_to_document(version)}
    yield {"kind": "function", "function": function.arn, "document": to_document(function)}


def _deletion_entry(function: Function) -> Entry:
    place = {"region": function.region, "name": function.name}
    return {"kind": "function", "function": function.arn, "document": None, **place}
