"""A process that dies with its parent, however the parent dies: the kernel sees to it (Linux, prctl(2))."""

from __future__ import annotations

import ctypes
import signal
import sys

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have this process killed when the thread that forked it ends; nothing on other systems than Linux.

    Fit for subprocess's ``preexec_fn``: one call into a library that is loaded already. The kernel counts the
    forking thread as the parent, so fork from a thread that lives as long as its process.
    """
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
