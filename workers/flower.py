"""``python -m workers.flower``: Flower over the farm's events, on loopback unless told otherwise.

It shows each build by app, version and step, because the links are labelled so; arguments are build ids.
"""

from __future__ import annotations

from laambda.bootstrap import settings
from workers.app import app


def main() -> None:
    """Run until told to stop; its state is kept, so that a restart forgets nothing."""
    given = settings()
    app.start(
        [
            "flower",
            f"--address={given.host}",
            f"--port={given.flower_port}",
            "--persistent=True",
            "--tasks_columns=args,name,state,received,runtime,worker,uuid",
            f"--db={given.home / 'flower'}",
            "--state_save_interval=10000",
            "--task_runtime_metric_buckets=0.05,0.1,0.5,1,5,15,60,300,900",
            "--logging=error",
        ]
    )


if __name__ == "__main__":
    main()
