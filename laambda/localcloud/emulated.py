"""The services that moto emulates, behind a plain function from request to answer.

moto's own server closes every connection and waits 10 ms after each answer; called as a WSGI application it does
neither. Only this file and ``objects.py`` know moto.
"""

from __future__ import annotations

import importlib
import io
import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, unquote_to_bytes

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.logs.models import logs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.exceptions import MissingBucket, MissingKey
from moto.s3.models import s3_backends

from laambda.localcloud.exchange import Answer, Request
from laambda.localcloud.refusal import invalid
from laambda.localcloud.sandbox import Line

ACCOUNT: str = DEFAULT_ACCOUNT_ID
WARM = ("s3", "logs", "sts", "kms", "iam")
LOG_STREAMS = 200
LOG_EVENTS = 20_000
"""Log lines live in memory: so many streams a group and events a stream, the oldest go."""

NO_SUCH_UPLOAD = (
    b"<Error><Code>NoSuchUpload</Code><Message>The specified upload does not exist. The upload ID may be invalid, "
    b"or the upload may have been aborted or completed.</Message></Error>"
)
"""https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList"""


class Emulated:
    """moto's services. ``port`` is only what they write into addresses."""

    def __init__(self, port: int) -> None:
        for service in WARM:
            importlib.import_module(f"moto.{service}.models")
        self._port = port
        self._application = DomainDispatcherApplication(create_backend_app)
        self._logs = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Answer a request of any service but Lambda."""
        if request.headers.get("x-amz-target", "").endswith(".FilterLogEvents"):
            request = _interleaved(request)
        if _upload_is_missing(request):
            return Answer(404, NO_SUCH_UPLOAD, (("Content-Type", "application/xml"),))
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _failure: object = None) -> Callable[[bytes], None]:
            started[:] = [(status, headers)]
            return lambda _data: None

        parts: Iterable[bytes] = self._application(self._environ(request), start)
        try:
            body = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
        status, headers = started[0]
        return Answer(int(status.split()[0]), body, headers)

    def has_log_group(self, region: str, group: str) -> bool:
        return group in logs_backends[ACCOUNT][region].groups

    def write_log(self, region: str, group: str, stream: str, lines: list[Line]) -> None:
        """Put lines into CloudWatch Logs, in the order in which they were printed."""
        backend = logs_backends[ACCOUNT][region]
        events = [{"timestamp": moment, "message": text} for moment, text in sorted(lines, key=lambda line: line[0])]
        with self._logs:
            backend.ensure_log_group(group)
            backend.ensure_log_stream(group, stream)
            backend.put_log_events(group, stream, events)
            streams = backend.groups[group].streams
            streams[stream].events[:-LOG_EVENTS] = []
            while len(streams) > LOG_STREAMS:
                del streams[next(iter(streams))]

    def warm(self) -> None:
        """Load what the first request of each service would otherwise wait for."""
        for service in WARM:
            credential = f"AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request"
            self._application.get_application(
                {"HTTP_AUTHORIZATION": credential, "HTTP_HOST": "localhost", "PATH_INFO": "/"}
            )

    def _environ(self, request: Request) -> dict[str, Any]:
        """The request as PEP 3333 asks; S3 metadata keeps names with underscores, as moto's own server does."""
        path, _, query = request.target.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
            "QUERY_STRING": query,
            "REQUEST_URI": request.target,
            "RAW_URI": request.target,
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": str(self._port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(request.body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        preserved: dict[str, str] = {}
        for name, value in request.headers.items():
            key = environ_key_for_header(name)
            if "_" in name:
                if key in environ or not should_preserve_original_header_name(name):
                    continue
                preserved[key] = name
            environ[key] = value
        environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
        environ["CONTENT_LENGTH"] = str(len(request.body))
        return environ


def _interleaved(request: Request) -> Request:
    """moto orders events over streams only when asked; CloudWatch Logs always does.

    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html (interleaved)
    """
    return replace(request, body=json.dumps({**request.json(), "interleaved": True}).encode())


def _upload_is_missing(request: Request) -> bool:
    """Whether a part is for an upload that was aborted, completed or never begun, on which moto fails.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html (NoSuchUpload)
    """
    query = request.query if request.method == "PUT" and "uploadId=" in request.target else {}
    if "partNumber" not in query or request.scope()[1] != "s3":
        return False
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(unquote(request.path).split("/")[1])
    return bucket is not None and query["uploadId"] not in bucket.multiparts


def read_object(bucket: str, key: str, version: str | None) -> bytes:
    """The bytes of an S3 object, refused as Lambda does when there is none.

    https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html
    """
    trouble = "Error occurred while GetObject. S3 Error Code: "
    try:
        found = s3_backends[ACCOUNT]["aws"].get_object(bucket, key, version_id=version)
    except MissingBucket as error:
        raise invalid(f"{trouble}NoSuchBucket. S3 Error Message: The specified bucket does not exist") from error
    except MissingKey:
        found = None
    if found is None:
        raise invalid(f"{trouble}NoSuchKey. S3 Error Message: The specified key does not exist.")
    return bytes(found.value)
