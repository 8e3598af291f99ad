"""The first code in a function's process; it imports nothing of laambda and runs on any Python 3.8 or newer.

    python -S child.py PARENT_PID COMMAND...

It ties the process to the local cloud's life (prctl(2), PR_SET_PDEATHSIG) and then becomes COMMAND, or, when COMMAND
is ``python``, the runtime interface client in this same process.
"""

import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that made it ends; end now if it is gone already."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    sys.path.pop(0)  # the folder of this file
    die_with(int(sys.argv[1]))
    command = sys.argv[2:]
    if command[0] != "python":
        os.execv(command[0], command)  # noqa: S606
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    sys.argv = ["bootstrap", os.environ["_HANDLER"]]
    from awslambdaric.__main__ import main as run

    run(sys.argv)


if __name__ == "__main__":
    main()
