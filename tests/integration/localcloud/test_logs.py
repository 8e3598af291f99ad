"""What a function prints is in CloudWatch Logs: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html."""

from __future__ import annotations

import re

from tests.cloud_bench import Bench

REPORT = (
    r"REPORT RequestId: [0-9a-f-]{36}\tDuration: [0-9.]+ ms\tBilled Duration: \d+ ms\t"
    r"Memory Size: 256 MB\tMax Memory Used: [1-9]\d* MB"
)


def test_every_line_is_there_when_the_answer_is(bench: Bench) -> None:
    name = bench.deploy("def handler(event, context):\n    for n in range(500):\n        print('line', n)\n")
    bench.invoke(name)
    assert bench.lines(name)[1:-2] == [f"line {n}" for n in range(500)]


def test_an_invocation_is_framed_and_reported(bench: Bench) -> None:
    name = bench.deploy("print('loading')\ndef handler(event, context):\n    pass\n", MemorySize=256)
    bench.invoke(name)
    bench.invoke(name)
    lines = bench.lines(name)
    assert [line.split()[0] for line in lines] == ["loading", "START", "END", "REPORT", "START", "END", "REPORT"]
    assert re.fullmatch(REPORT + r"\tInit Duration: [0-9.]+ ms", lines[3])
    assert re.fullmatch(REPORT, lines[6])
    assert lines[1].endswith(" Version: $LATEST")


def test_the_report_measures_duration_and_memory(bench: Bench) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/python-logging.html"""
    name = bench.deploy("import time\ndef handler(event, _):\n    time.sleep(0.2)\n    return len(b'x' * event)\n")
    small, large = 1, 96 * 1024 * 1024
    for event in (small, large):
        bench.invoke(name, event)
    reports = [
        dict(re.findall(r"\t([A-Z][A-Za-z ]+): ([0-9.]+)", line)) for line in bench.lines(name) if "REPORT" in line
    ]
    for report in reports:
        assert 200 <= float(report["Duration"]) <= int(report["Billed Duration"]) < float(report["Duration"]) + 1
    assert [int(report["Max Memory Used"]) >= 96 for report in reports] == [False, True]


def test_a_timeout_is_in_the_log_with_what_was_printed_before(bench: Bench) -> None:
    name = bench.deploy(
        "import time\ndef handler(event, context):\n    print('started')\n    time.sleep(9)\n", Timeout=1
    )
    bench.invoke(name)
    lines = bench.lines(name)
    assert lines[1] == "started"
    assert re.fullmatch(r"\S+Z [0-9a-f-]{36} Task timed out after 1\.00 seconds", lines[2])


def test_a_stream_is_named_for_day_version_and_process(bench: Bench) -> None:
    name = bench.deploy()
    bench.publish(name)
    bench.invoke(name, Qualifier="1")
    streams = bench.logs.describe_log_streams(logGroupName=f"/aws/lambda/{name}")["logStreams"]
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[1\][0-9a-f]{32}", streams[0]["logStreamName"])
    events = bench.logs.get_log_events(
        logGroupName=f"/aws/lambda/{name}", logStreamName=streams[0]["logStreamName"], startFromHead=True
    )["events"]
    assert [event["message"].split()[0] for event in events] == ["START", "END", "REPORT"]


def test_events_of_several_streams_are_ordered_by_time(bench: Bench) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    name = bench.deploy()
    bench.publish(name)
    for qualifier in ("$LATEST", "1", "$LATEST"):
        bench.invoke(name, Qualifier=qualifier)
    events = bench.logs.filter_log_events(logGroupName=f"/aws/lambda/{name}")["events"]
    starts = [event["message"].split()[-1] for event in events if event["message"].startswith("START")]
    assert starts == ["$LATEST", "1", "$LATEST"]
