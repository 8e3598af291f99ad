"""Invoke really runs the function: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.cloud_bench import PYTHON, Bench, refused, zipped

COUNT = "calls = 0\ndef handler(event, context):\n    global calls\n    calls += 1\n    return calls\n"
WHO = "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return os.getpid()\n"
ENVIRONMENT = "import os\ndef handler(event, context):\n    return dict(os.environ)\n"


def test_the_event_goes_in_and_the_answer_comes_out(bench: Bench) -> None:
    assert bench.invoke(bench.deploy(), {"a": ["ü", 1, None]}) == {"a": ["ü", 1, None]}


def test_a_process_stays_warm_between_invocations(bench: Bench) -> None:
    name = bench.deploy(COUNT)
    assert [bench.invoke(name) for _ in range(3)] == [1, 2, 3]


def test_invocations_at_once_run_in_processes_of_their_own(bench: Bench) -> None:
    name = bench.deploy(WHO)
    with ThreadPoolExecutor(3) as threads:
        assert len(set(threads.map(lambda _: bench.invoke(name, 0.5), range(3)))) == 3


def test_an_alias_runs_its_version_and_is_named_in_the_context(bench: Bench) -> None:
    name = bench.deploy("def handler(event, context):\n    return ['old', context.invoked_function_arn]\n")
    bench.publish(name)
    alias = bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    bench.update(name, "def handler(event, context):\n    return ['new', context.function_version]\n")
    assert bench.invoke(name, Qualifier="live") == ["old", alias["AliasArn"]]
    assert bench.invoke(alias["AliasArn"]) == ["old", alias["AliasArn"]]
    assert bench.invoke(name) == ["new", "$LATEST"]
    answer = bench.functions.invoke(FunctionName=name, Qualifier="live")
    assert answer["ExecutedVersion"] == "1"


def test_alias_weights_share_out_invocations(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html"""
    name = bench.deploy("def handler(event, context):\n    return context.function_version\n")
    bench.publish(name)
    bench.update(name, "def handler(event, context):\n    return context.function_version + ''\n")
    bench.publish(name)
    weights = {"AdditionalVersionWeights": {"2": 1.0}}
    bench.functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig=weights)
    assert bench.invoke(name, Qualifier="live") == "2"


def test_an_exception_is_a_function_error_with_type_message_and_trace(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html"""
    name = bench.deploy("def handler(event, context):\n    raise ValueError('no such thing')\n")
    answer = bench.functions.invoke(FunctionName=name)
    error = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such thing")
    assert "line 2, in handler" in error["stackTrace"][-1]


def test_code_that_does_not_load_is_reported_like_a_function_error(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-deployment.html"""
    name = bench.deploy("import nothing_of_that_name\n")
    answer = bench.functions.invoke(FunctionName=name)
    error = json.loads(answer["Payload"].read())
    assert (answer["FunctionError"], error["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert error["errorMessage"] == "Unable to import module 'app': No module named 'nothing_of_that_name'"


def test_a_function_that_takes_too_long_is_ended(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/troubleshooting-invocation.html"""
    name = bench.deploy(
        "import os, time\ndef handler(event, context):\n    time.sleep(event)\n    return 1\n", Timeout=1
    )
    error = bench.invoke(name, 30)
    assert error["errorType"] == "Sandbox.Timedout"
    assert re.fullmatch(r"RequestId: [0-9a-f-]{36} Error: Task timed out after 1\.00 seconds", error["errorMessage"])
    assert bench.invoke(name, 0) == 1


@pytest.mark.parametrize(
    ("source", "reason"),
    [("os._exit(3)", "exit status 3"), ("os.kill(os.getpid(), 9)", "signal: killed")],
)
def test_a_process_that_ends_is_a_runtime_exit_error(bench: Bench, source: str, reason: str) -> None:
    name = bench.deploy(f"import os\ndef handler(event, context):\n    {source}\n")
    error = bench.invoke(name)
    assert error["errorType"] == "Runtime.ExitError"
    assert error["errorMessage"].endswith(f"Error: Runtime exited with error: {reason}")


def test_a_process_that_dies_while_idle_is_replaced(bench: Bench) -> None:
    name = bench.deploy(
        "import os, threading\ndef handler(event, context):\n"
        "    threading.Timer(0.05, os._exit, [1]).start()\n    return 1\n"
    )
    assert [bench.invoke(name) for _ in range(2)] == [1, 1]


def test_an_answer_above_six_megabytes_is_refused(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    error = bench.invoke(bench.deploy("def handler(event, context):\n    return 'x' * 7_000_000\n"))
    assert error["errorType"] == "Function.ResponseSizeTooLarge"


def test_an_event_call_returns_at_once_and_runs_later(bench: Bench) -> None:
    bucket = bench.bucket()
    name = bench.deploy(
        "import boto3\ndef handler(event, context):\n"
        "    boto3.client('s3').put_object(Bucket=event, Key='done', Body=b'1')\n"
    )
    answer = bench.functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(bucket).encode())
    assert answer["StatusCode"] == 202
    bench.objects.get_waiter("object_exists").wait(Bucket=bucket, Key="done", WaiterConfig={"Delay": 0.1})


def test_a_dry_run_runs_nothing(bench: Bench) -> None:
    name = bench.deploy()
    assert bench.functions.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
    groups = bench.logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")
    assert groups["logGroups"] == []


def test_the_tail_of_the_log_comes_with_the_answer(bench: Bench) -> None:
    name = bench.deploy("def handler(event, context):\n    print('hello')\n")
    answer = bench.functions.invoke(FunctionName=name, LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    assert [line.split()[0] for line in tail] == ["START", "hello", "END", "REPORT"]


def test_a_function_sees_nothing_of_the_hosts_environment(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime"""
    name = bench.deploy(ENVIRONMENT, Environment={"Variables": {"COLOUR": "red"}}, MemorySize=512)
    seen = bench.invoke(name)
    assert (seen["COLOUR"], seen["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]) == ("red", "512")
    assert (seen["AWS_LAMBDA_FUNCTION_NAME"], seen["_HANDLER"]) == (name, "app.handler")
    assert seen["AWS_ENDPOINT_URL"] == bench.cloud.url
    assert not {"VIRTUAL_ENV", "USER", "PYTEST_CURRENT_TEST", "LAAMBDA_HOME"} & seen.keys()


def test_a_function_cannot_import_what_laambda_has_installed(bench: Bench) -> None:
    source = "from importlib.util import find_spec\ndef handler(event, _):\n    return list(filter(find_spec, event))\n"
    names = ["laambda", "moto", "celery", "journal", "boto3", "awslambdaric"]
    assert bench.invoke(bench.deploy(source), names) == ["boto3", "awslambdaric"]


def test_each_process_has_a_temporary_folder_of_its_own(bench: Bench) -> None:
    source = (
        "import tempfile, time\ndef handler(event, context):\n    time.sleep(0.3)\n    return tempfile.gettempdir()\n"
    )
    name = bench.deploy(source)
    with ThreadPoolExecutor(2) as threads:
        assert len(set(threads.map(lambda _: bench.invoke(name), range(2)))) == 2


def test_an_update_reaches_the_next_invocation(bench: Bench) -> None:
    name = bench.deploy("def handler(event, context):\n    return 1\n")
    before = bench.invoke(name)
    bench.update(name, "def handler(event, context):\n    return 2\n")
    assert (before, bench.invoke(name)) == (1, 2)


def test_reserved_concurrency_of_zero_throttles(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""
    name = bench.deploy()
    bench.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as error:
        bench.invoke(name)
    assert refused(error) == ("TooManyRequestsException", "Rate Exceeded.")


def test_a_runtime_that_is_not_here_names_what_it_needs(bench: Bench) -> None:
    code = {"ZipFile": zipped({"app.py": "x"})}
    error = bench.invoke(bench.deploy(Runtime="nodejs16.x", Code=code))
    assert error["errorType"] == "Runtime.InvalidEntrypoint"
    assert "node 16 on PATH" in error["errorMessage"]
    assert "public.ecr.aws/lambda/nodejs:16" in error["errorMessage"]


def _other_python() -> str:
    """The minor version of another interpreter on PATH that the runtime client has wheels for."""
    for minor in (13, 12, 10):
        program = shutil.which(f"python3.{minor}")
        if (
            program
            and f"python3.{minor}" != PYTHON
            and subprocess.run([program, "-V"], capture_output=True, check=False).returncode == 0
        ):
            return f"python3.{minor}"
    return ""


@pytest.mark.slow
@pytest.mark.skipif(not _other_python(), reason="needs another Python on PATH")
def test_another_minor_version_runs_in_an_interpreter_of_its_own(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
    source = "import sys, boto3\ndef handler(event, context):\n    return 'python%d.%d' % sys.version_info[:2]\n"
    answer = bench.invoke(bench.deploy(source, Runtime=_other_python()))
    if isinstance(answer, dict) and "can't be installed" in answer["errorMessage"]:
        pytest.skip("needs awslambdaric, and no package index answers")
    assert answer == _other_python()


def test_a_bootstrap_of_ones_own_runs(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/runtimes-walkthrough.html"""
    bootstrap = """#!/usr/bin/python3
import os, urllib.request
base = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation/"
while True:
    event = urllib.request.urlopen(base + "next")
    name = event.headers["Lambda-Runtime-Aws-Request-Id"]
    urllib.request.urlopen(base + name + "/response", data=b'"got ' + event.read() + b'"').read()
"""
    name = bench.deploy(Runtime="provided.al2023", Code={"ZipFile": zipped({"bootstrap": bootstrap})})
    assert bench.invoke(name, 7) == "got 7"


def _node() -> str:
    if shutil.which("node") is None:
        return ""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return f"nodejs{version.removeprefix('v').partition('.')[0]}.x"


@pytest.mark.skipif(not _node(), reason="needs node on PATH")
@pytest.mark.parametrize(
    "files",
    [
        {"app.mjs": "export const handler = async (event) => ({ doubled: event * 2 });"},
        {"app.js": "exports.handler = (event, context, done) => done(null, { doubled: event * 2 });"},
    ],
)
def test_a_node_function_runs(bench: Bench, files: dict[str, str]) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html"""
    name = bench.deploy(Runtime=_node(), Code={"ZipFile": zipped(files)})
    assert bench.invoke(name, 21) == {"doubled": 42}


@pytest.mark.skipif(not _node(), reason="needs node on PATH")
def test_a_node_error_has_type_message_and_trace(bench: Bench) -> None:
    code = {"ZipFile": zipped({"app.mjs": "export async function handler() { throw new TypeError('bad'); }"})}
    error = bench.invoke(bench.deploy(Runtime=_node(), Code=code))
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", "bad")
    assert "app.mjs:1" in error["trace"][1]
