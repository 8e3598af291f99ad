"""Loopback is open to every user of the machine: a private cloud answers who knows its key, and nobody else."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.cloud_bench import zipped
from tests.cloud_fixture import running_cloud

KEY = "AKIATHEFARMSOWN00000"
WHOAMI = """
import boto3, os
def handler(event, context):
    return boto3.client("lambda").get_function_configuration(FunctionName="whoami")["FunctionName"]
"""


@pytest.fixture
def private(tmp_path: Path) -> Iterator[str]:
    with running_cloud(tmp_path, access_key=KEY) as cloud:
        yield cloud.url


def client(url: str, service: str, key: str = KEY) -> Any:
    config = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"})
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="x",
        config=config,
    )


@pytest.mark.slow
def test_a_stranger_reaches_no_service(private: str) -> None:
    for service, call in {"lambda": "list_functions", "s3": "list_buckets", "kms": "list_keys"}.items():
        with pytest.raises(ClientError) as refused:
            getattr(client(private, service, "AKIASOMEBODYELSE0000"), call)()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.slow
def test_the_farm_and_its_functions_are_answered(private: str) -> None:
    functions = client(private, "lambda")
    functions.create_function(
        FunctionName="whoami",
        Runtime=f"python3.{sys.version_info.minor}",
        Role="arn:aws:iam::123456789012:role/x",
        Handler="app.handler",
        Code={"ZipFile": zipped({"app.py": WHOAMI})},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="whoami", WaiterConfig={"Delay": 0.1})
    answer = functions.invoke(FunctionName="whoami")
    assert json.loads(answer["Payload"].read()) == "whoami"
