"""The local cloud and the processes of its functions end together."""

from __future__ import annotations

import http.client
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError

from laambda.localcloud.pool import IDLE_MOST
from tests.cloud_bench import Bench
from tests.cloud_fixture import RunningCloud, running_cloud

PID = "import os\ndef handler(event, context):\n    return os.getpid()\n"


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ended(pid: int, seconds: float) -> bool:
    """Whether a process ends in time; it is not a child, so there is nothing to wait for but the time."""
    limit = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < limit:
        time.sleep(0.01)
    return not alive(pid)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_function_process_outlives_the_local_cloud(tmp_path: Path, number: signal.Signals) -> None:
    with running_cloud(tmp_path) as cloud:
        bench = Bench(cloud)
        idle = bench.invoke(bench.deploy(PID))
        cloud.process.send_signal(number)
        cloud.process.wait(1)
        assert ended(idle, 1)


def test_a_busy_function_process_ends_with_the_local_cloud(tmp_path: Path) -> None:
    source = (
        "import os, time, pathlib\ndef handler(event, context):\n    pathlib.Path(event).write_text(str(os.getpid()))\n"
    )
    with running_cloud(tmp_path / "home") as cloud, ThreadPoolExecutor(1) as thread:
        bench = Bench(cloud)
        name = bench.deploy(source + "    time.sleep(30)\n", Timeout=60)
        mark = tmp_path / "pid"
        call = thread.submit(bench.invoke, name, str(mark))
        while not (mark.exists() and mark.read_text()):
            time.sleep(0.01)
        cloud.process.terminate()
        cloud.process.wait(1)
        assert ended(int(mark.read_text()), 1)
        assert isinstance(call.exception(), BotoCoreError)


@pytest.mark.slow
def test_idle_processes_are_bounded(tmp_path: Path) -> None:
    with running_cloud(tmp_path) as cloud:
        bench = Bench(cloud)
        pids = [bench.invoke(bench.deploy(PID)) for _ in range(IDLE_MOST + 2)]
        assert ended(pids[0], 1)
        assert ended(pids[1], 1)
        assert sum(alive(pid) for pid in pids) == IDLE_MOST


def test_a_web_page_is_refused(local_cloud: RunningCloud) -> None:
    connection = http.client.HTTPConnection(local_cloud.url.removeprefix("http://"))
    statuses = []
    for headers in ({"Origin": "http://example.com"}, {"Host": "rebound.example.com"}, {}):
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
    connection.close()
    assert statuses == [403, 403, 200]


def test_a_connection_is_kept(local_cloud: RunningCloud) -> None:
    connection = http.client.HTTPConnection(local_cloud.url.removeprefix("http://"))
    connection.connect()
    port = connection.sock.getsockname()[1]
    for _ in range(3):
        connection.request("GET", "/")
        connection.getresponse().read()
        assert connection.sock.getsockname()[1] == port
    connection.close()
