"""The worker killed at every door of the chain: the build goes on where it was, and no earlier link runs again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import pytest

from laambda.domain.build import Step
from tests.farm import App, Farm, running_farm, tiny
from tests.faults.test_kills import check_released_once

LEASE = "6"
"""Seconds: long enough to be kept on a machine that is busy with other tests, as a lost lease is a death as well."""
STEPS = [str(step) for step in Step]
_names = count(1)


@pytest.fixture(scope="module")
def mortal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """A farm whose one worker node is ``mortal_worker``."""
    procfile = Path(__file__).parent / "mortal.procfile"
    folder = tmp_path_factory.mktemp("mortal")
    with running_farm(procfile, LAAMBDA_LEASE=LEASE, LAAMBDA_RESEND="3", MORTAL_FOLDER=str(folder)) as farm:
        yield farm


def release_dying(farm: Farm, death: str) -> tuple[App, list[str]]:
    """Push an app while the worker dies as ``death`` says; gives the links that ran for it, in order."""
    folder = Path(farm.environment["MORTAL_FOLDER"])
    (folder / "die").write_text(death)
    app = farm.app(f"mortal{next(_names)}")
    pushed = app.release(tiny())
    assert not (folder / "die").exists(), f"nobody died {death}:\n{pushed.output}"
    build = str(farm.client.newest_build(app.name)["id"])
    ran = [line.split() for line in (folder / "links").read_text().splitlines()]
    return app, [step for number, step in ran if number == build]


@pytest.mark.parametrize("who", ["child", "node"])
@pytest.mark.parametrize(("done", "following"), list(pairwise(STEPS)))
def test_killed_between_two_links_it_resumes_at_the_second(mortal: Farm, who: str, done: str, following: str) -> None:
    app, ran = release_dying(mortal, f"{who} after {done}")
    assert ran == STEPS
    build = mortal.client.newest_build(app.name)
    assert (build["attempt"], set(build["timings"])) == (2, set(STEPS[:-1]))
    check_released_once(app)


@pytest.mark.parametrize("when", ["before", "behind"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_inside_a_link_it_runs_that_one_again_and_none_before_it(mortal: Farm, when: str, step: str) -> None:
    app, ran = release_dying(mortal, f"child {when} {step}")
    at = STEPS.index(step)
    recorded = (step, when) == ("record", "behind")
    assert ran == (STEPS if recorded else STEPS[: at + 1] + STEPS[at:])
    check_released_once(app)
