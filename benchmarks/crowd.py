"""Many pushes at once, and the small program that each of them waits for twice."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import pss
from benchmarks.report import line, stopwatch, timed, times
from receiver.hook import HookRequest, HookServer, Tell, install_hooks
from tests.farm import App, Farm, Result, tiny

_SAMPLED = ("receiver", "worker", "cloud")


def many_apps(farm: Farm, count: int) -> None:
    """The first push of ``count`` apps, all at once."""
    apps = [farm.app(f"crowd-{number}") for number in range(count)]
    for app in apps:
        app.commit(tiny(app.name))
    seconds: list[float] = []

    def push(app: App) -> Result:
        with stopwatch(seconds):
            return app.push()

    with _peaks(farm) as peaks:
        whole, results = _at_once(push, apps)
    good = [app for app, result in zip(apps, results, strict=True) if result.code == 0 and app.live == 1]
    line(f"{count} pushes to {count} apps", f"{len(good)} succeeded, all in {whole:.1f} s")
    times("each of them", seconds)
    line("memory at most (PSS)", ", ".join(f"{name} {size:.0f} MB" for name, size in peaks.items()))


def one_ref(farm: Farm, count: int) -> None:
    """``count`` developers push different commits on top of the same one: one wins."""
    first = farm.app("contended")
    first.release(tiny("0"))
    copies = [_copy(first, number) for number in range(count)]
    whole, results = _at_once(lambda app: app.push(), copies)
    won = sum(result.code == 0 for result in results)
    moved = sum(result.code == 1 and result.has("main moved to") for result in results)
    builds = farm.client.builds(first.name, limit=100)
    built = sum("build" in build["timings"] for build in builds) - 1
    line(
        f"{count} pushes to one branch",
        f"{won} succeeded, {moved} heard that main moved, {built} built, all in {whole:.1f} s",
    )


def hook_start(count: int) -> None:
    """From git's start of a hook to its end, where the receiver has nothing to say."""
    with tempfile.TemporaryDirectory(prefix="lh", dir="/tmp") as folder:
        install_hooks(Path(folder) / "hooks")
        server = HookServer(Path(folder) / "run")
        server.start()
        hook = Path(folder) / "hooks" / "pre-receive"
        with server.expect(_say_nothing) as nonce:
            environment = {"PATH": os.environ["PATH"], **nonce}

            def run() -> None:
                subprocess.run([hook], input=b"", env=environment, check=True)

            times("hook, start to end", [timed(run) for _ in range(count)])
        server.stop()


def _say_nothing(_request: HookRequest, _tell: Tell) -> int:
    return 0


def _at_once(act: Callable[[App], Result], apps: Sequence[App]) -> tuple[float, list[Result]]:
    """Seconds for all, and each one's result."""
    start = threading.Barrier(len(apps))

    def begin(app: App) -> Result:
        start.wait()
        return act(app)

    results: list[Result] = []
    with ThreadPoolExecutor(len(apps)) as pool:
        whole = timed(lambda: results.extend(pool.map(begin, apps)))
    return whole, results


def _copy(app: App, number: int) -> App:
    folder = app.folder.with_name(f"{app.name}-{number}")
    app.farm.run("git", "clone", "-q", "-o", "laambda", str(app.folder), str(folder))
    copy = App(app.farm, app.name, folder)
    copy.git("remote", "set-url", "laambda", app.farm.git_url(app.name))
    copy.commit(tiny(f"copy {number}"))
    return copy


@contextmanager
def _peaks(farm: Farm) -> Iterator[dict[str, float]]:
    """The highest PSS of some processes while the block runs, in MB, looked at twice a second."""
    pids = {name: farm.pid(name) for name in _SAMPLED}
    highest = dict.fromkeys(pids, 0.0)
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            for name, pid in pids.items():
                highest[name] = max(highest[name], pss(pid))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield highest
    finally:
        over.set()
        watcher.join()
