"""A worker node as the product's, which writes down each link whose work begins, and dies where a test says.

``MORTAL_FOLDER/links`` gets a line ``BUILD STEP`` for each; ``MORTAL_FOLDER/die`` holds ``WHO WHEN STEP``: the pool
``child`` or the whole ``node``; ``before`` the step's work, ``behind`` it (done, not yet in the row) or ``after`` its
end (in the row, the next link not yet sent). It dies there once.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import workers.link
from laambda.dispatch.limits import FarmLimits
from laambda.dispatch.link import Node, Work, run_link
from laambda.domain.build import Build, Step
from laambda.ports import LinkContext, Services
from workers.__main__ import main

FOLDER = Path(os.environ["MORTAL_FOLDER"])


def mortal_link(
    services: Services, node: Node, limits: FarmLimits, build_id: int, step: Step, work: Work, token: int | None
) -> Build | None:
    """``run_link`` with death at every door."""

    def watched(context: LinkContext) -> Mapping[str, Any]:
        with (FOLDER / "links").open("a") as log:
            log.write(f"{build_id} {step}\n")
        die_if("before", step)
        result = work(context)
        die_if("behind", step)
        return result

    held = run_link(services, node, limits, build_id, step, watched, token)
    if held is not None:
        die_if("after", step)
    return held


def die_if(when: str, step: Step) -> None:
    order = FOLDER / "die"
    try:
        who, *place = order.read_text().split()
    except FileNotFoundError:
        return
    if place == [when, str(step)]:
        order.unlink()
        if who == "node":
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    workers.link.run_link = mortal_link
    main()
