"""Numbers to lines."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager


def section(title: str) -> None:
    """A headline."""
    print(f"\n{title}\n{'-' * len(title)}", flush=True)


def line(name: str, text: str) -> None:
    """One row."""
    print(f"  {name:<34} {text}", flush=True)


def times(name: str, seconds: Sequence[float]) -> None:
    """Median, 95th percentile and range of what was measured, in milliseconds."""
    ordered = sorted(seconds)
    middle, high = statistics.median(ordered), percentile(ordered, 0.95)
    spread = f"{ordered[0] * 1000:.0f}-{ordered[-1] * 1000:.0f}"
    line(name, f"median {middle * 1000:7.1f} ms   p95 {high * 1000:7.1f} ms   range {spread} ms   n={len(ordered)}")


def percentile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return ordered[max(0, -(-int(share * 100) * len(ordered) // 100) - 1)]


def timed(act: Callable[[], object]) -> float:
    """Seconds that ``act`` takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


@contextmanager
def stopwatch(kept: list[float]) -> Iterator[None]:
    """Add the block's seconds to ``kept``."""
    started = time.perf_counter()
    yield
    kept.append(time.perf_counter() - started)
