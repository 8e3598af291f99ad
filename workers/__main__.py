"""``python -m workers``: one worker node. It takes its own queue's links first, then new builds."""

from __future__ import annotations

from laambda.bootstrap import log_to_stderr, settings
from laambda.dispatch.dispatcher import SHARED_QUEUE
from workers import signals as _signals  # noqa: F401 - connects them
from workers.app import app
from workers.link import node


def main() -> None:
    """Run until told to stop."""
    log_to_stderr()
    settings().workspaces.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.worker_main(
        [
            "--quiet",
            "worker",
            f"--queues={node().queue},{SHARED_QUEUE}",
            f"--concurrency={settings().concurrency + 1}",
            f"--hostname=laambda@{node().name}",
            "--without-gossip",
            "--without-mingle",
            "--task-events",
            "--loglevel=WARNING",
        ]
    )


if __name__ == "__main__":
    main()
