"""A bench over a running cloud, the local one or a peer of it: makes functions from source text."""

from __future__ import annotations

import io
import json
import sys
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud_fixture import RunningCloud

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
ROLE = "arn:aws:iam::123456789012:role/anything"
ECHO = "def handler(event, context):\n    return event\n"


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A deployment package; every file may be run."""
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as package:
        for name, text in files.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o755 << 16
            package.writestr(member, text)
    return body.getvalue()


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    """AWS's name and text of a refusal."""
    details = error.value.response["Error"]
    return str(details["Code"]), str(details["Message"])


@dataclass
class Bench:
    """Clients of one cloud, and functions made in a line."""

    cloud: RunningCloud

    @cached_property
    def functions(self) -> Any:
        return self.cloud.client("lambda")

    @cached_property
    def objects(self) -> Any:
        return self.cloud.client("s3")

    @cached_property
    def logs(self) -> Any:
        return self.cloud.client("logs")

    def deploy(self, source: str = ECHO, *, ready: bool = True, **settings: Any) -> str:
        """Make a function from the text of ``app.py``; its name."""
        name = f"f-{uuid.uuid4().hex[:12]}"
        wanted = {"Runtime": PYTHON, "Handler": "app.handler", "Role": ROLE, "Timeout": 10, **settings}
        wanted.setdefault("Code", {"ZipFile": zipped({"app.py": source})})
        self.functions.create_function(FunctionName=name, **wanted)
        if ready:
            self.settled(name)
        return name

    def update(self, name: str, source: str) -> Mapping[str, Any]:
        """Change the function's code; the settled configuration."""
        self.functions.update_function_code(FunctionName=name, ZipFile=zipped({"app.py": source}))
        return self.settled(name)

    def publish(self, name: str) -> str:
        """Publish a version and wait until it can run; its number."""
        number = str(self.functions.publish_version(FunctionName=name)["Version"])
        self.settled(name, number)
        return number

    def settled(self, name: str, qualifier: str = "$LATEST") -> Mapping[str, Any]:
        """Wait until the function or version is neither Pending nor InProgress."""
        while True:
            configuration = self.functions.get_function_configuration(FunctionName=name, Qualifier=qualifier)
            if configuration["State"] == "Active" and configuration["LastUpdateStatus"] == "Successful":
                return dict(configuration)
            time.sleep(0.002)

    def invoke(self, name: str, event: object = None, **options: Any) -> Any:
        """What the function answers."""
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event).encode(), **options)
        return json.loads(answer["Payload"].read())

    def lines(self, name: str) -> list[str]:
        """Every log line of the function, oldest first."""
        found = self.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
        return [event["message"] for event in found]

    def bucket(self) -> str:
        name = f"b-{uuid.uuid4().hex[:12]}"
        self.objects.create_bucket(Bucket=name)
        return name
