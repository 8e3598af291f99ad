"""Pushes, rollbacks and calls, as a developer feels them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from benchmarks.report import line, stopwatch, timed, times
from laambda.client import BuildJson
from tests.farm import App, Farm, tiny

FASTAPI = Path(__file__).parent / "apps" / "fastapi"
REQUEST = {
    "version": "2.0",
    "rawPath": "/",
    "rawQueryString": "",
    "headers": {"host": "example.com"},
    "requestContext": {"http": {"method": "GET", "path": "/", "sourceIp": "127.0.0.1"}},
}


def small(farm: Farm, count: int) -> App:
    """A one-file app without dependencies: each push changes a line."""
    app = farm.app("small")
    line("first push of the app", f"{timed(lambda: app.release(tiny('0'))) * 1000:.0f} ms")
    _pushes(app, count, lambda number: tiny(str(number)), lambda: str(app.invoke()["answer"]))
    return app


def fastapi(farm: Farm, count: int) -> None:
    """An app with FastAPI: the first push brings the dependencies, each further one changes a line of code."""
    app = farm.app("fastapi")
    sample = {path.name: path.read_text() for path in FASTAPI.iterdir() if path.is_file()}
    machine = {name: tiny()[name] for name in (".python-version", "laambda.toml")}

    def files(number: int) -> dict[str, str]:
        return {**sample, **machine, "app.py": sample["app.py"].replace('"one"', f'"{number}"')}

    line("first push, empty wheel store", f"{timed(lambda: app.release(files(0))) * 1000:.0f} ms")
    _pushes(app, count, files, lambda: str(json.loads(app.invoke(event=REQUEST)["body"])["answer"]))


def rollback(farm: Farm, count: int) -> None:
    """Back and forth between two releases of two functions."""
    app = farm.app("pair")
    for answer in ("one", "two"):
        app.release(tiny(answer, Procfile="web: app.handler\nother: app.handler\n"))
    command: list[float] = []
    request: list[float] = []
    for _ in range(count):
        with stopwatch(command):
            rolled = farm.laambda("rollback", "-a", app.name)
        assert rolled.code == 0, rolled.output
        with stopwatch(request):
            client = farm.client
            client.finish(client.roll_back(app.name)["id"])
    times("laambda rollback (command)", command)
    times("rollback through the API", request)


def calls(farm: Farm, app: App, count: int) -> None:
    """The first call of a version starts its process; the next ones meet it warm."""
    cold: list[float] = []
    warm: list[float] = []
    for number in range(max(1, count // 3)):
        app.release(tiny(f"cold {number}"))
        with stopwatch(cold):
            app.invoke()
        for _ in range(10):
            with stopwatch(warm):
                app.invoke()
    times("invoke, cold", cold)
    times("invoke, warm", warm)
    times("laambda invoke (command), warm", [timed(lambda: farm.laambda("invoke", "web", "-a", app.name))])


def _pushes(app: App, count: int, files: Callable[[int], dict[str, str]], answer: Callable[[], str]) -> None:
    pushes: list[float] = []
    live: list[float] = []
    builds: list[BuildJson] = []
    for number in range(1, count + 1):
        app.commit(files(number))
        with stopwatch(live):
            with stopwatch(pushes):
                pushed = app.push()
            assert answer() == str(number), pushed.output
        builds.append(app.farm.client.newest_build(app.name))
    times("git push", pushes)
    times("push to the first new answer", live)
    times("of that: row queued to row ended", [_lasted(build) for build in builds])
    for step in builds[0]["timings"]:
        line(f"    {step}", f"median {statistics.median(build['timings'][step] for build in builds) * 1000:7.1f} ms")


def _lasted(build: BuildJson) -> float:
    ended = build["ended_at"]
    assert ended is not None
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(build["created_at"])).total_seconds()
