"""Running functions, and what they wrote: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""

from __future__ import annotations

import base64
import json
import re
import time

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import Bench, refused

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("ministack")]

HELLO = "def handler(event, context):\n    print('hello from', context.function_version)\n    return event\n"
REPORT = (
    r"REPORT RequestId: [0-9a-f-]{36}\s+Duration: [0-9.]+ ms\s+Billed Duration: \d+ ms\s+"
    r"Memory Size: 256 MB\s+Max Memory Used: [1-9]\d* MB(\s+Init Duration: [0-9.]+ ms)?\s*"
)


def test_the_event_goes_in_and_the_answer_comes_out(bench: Bench) -> None:
    event = {"a": ["ü", 1, None]}
    answer = bench.functions.invoke(FunctionName=bench.deploy(), Payload=json.dumps(event).encode())
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read()) == event
    assert "FunctionError" not in answer


def test_an_exception_is_a_function_error(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    answer = bench.functions.invoke(
        FunctionName=bench.deploy("def handler(event, context):\n    raise ValueError('no such thing')\n")
    )
    error = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such thing")
    assert any("line 2, in handler" in line for line in error["stackTrace"])


def test_a_module_that_is_not_there_is_named(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    error = bench.invoke(bench.deploy(Handler="missing.handler"))
    assert error["errorType"] == "Runtime.ImportModuleError"
    assert error["errorMessage"] == "Unable to import module 'missing': No module named 'missing'"


def test_a_handler_that_is_not_there_is_named(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    error = bench.invoke(bench.deploy(Handler="app.missing"))
    assert error["errorType"] == "Runtime.HandlerNotFound"
    assert error["errorMessage"] == "Handler 'missing' missing on module 'app'"


def test_a_function_that_takes_too_long_is_ended(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html"""
    name = bench.deploy("import time\ndef handler(event, context):\n    time.sleep(30)\n", Timeout=1)
    answer = bench.functions.invoke(FunctionName=name)
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_the_functions_environment_is_the_versions(bench: Bench) -> None:
    source = "import os\ndef handler(event, context):\n    return [os.environ[name] for name in event]\n"
    name = bench.deploy(source, Environment={"Variables": {"STAGE": "blue"}})
    bench.publish(name)
    bench.functions.update_function_configuration(FunctionName=name, Environment={"Variables": {"STAGE": "red"}})
    bench.settled(name)
    wanted = ["STAGE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"]
    assert bench.invoke(name, wanted, Qualifier="1") == ["blue", name, "1"]
    assert bench.invoke(name, wanted) == ["red", name, "$LATEST"]


def test_an_event_that_is_no_json_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_Errors"""
    with pytest.raises(ClientError) as error:
        bench.functions.invoke(FunctionName=bench.deploy(), Payload=b"{no json")
    assert refused(error)[0] == "InvalidRequestContentException"


def test_an_event_above_six_megabytes_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    with pytest.raises(ClientError) as error:
        bench.functions.invoke(FunctionName=bench.deploy(), Payload=b'"' + b"x" * 6_291_456 + b'"')
    assert refused(error)[0] == "RequestTooLargeException"


def test_the_tail_of_the_log_is_framed_and_reported(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""
    name = bench.deploy(HELLO, MemorySize=256)
    answer = bench.functions.invoke(FunctionName=name, LogType="Tail", Payload=b"{}")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.split()[0] for line in tail] == ["START", "hello", "END", "REPORT"]
    assert re.fullmatch(REPORT, tail[-1])
    assert answer["Payload"].read() == b"{}"


def test_what_a_function_wrote_is_in_its_log_group(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    name, since = bench.deploy(HELLO), int(time.time() * 1000) - 60_000
    bench.publish(name)
    bench.invoke(name, Qualifier="1")
    found = bench.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", startTime=since, limit=100)["events"]
    assert [event["message"].split()[0] for event in found] == ["START", "hello", "END", "REPORT"]
    assert found[1]["message"].rstrip("\n") == "hello from 1"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[1\][0-9a-f]{32}", found[0]["logStreamName"])
    assert len({event["eventId"] for event in found}) == 4


def test_a_log_group_that_is_not_there_is_not_found(bench: Bench) -> None:
    with pytest.raises(ClientError) as error:
        bench.logs.filter_log_events(logGroupName="/aws/lambda/there-is-none")
    assert refused(error)[0] == "ResourceNotFoundException"
