"""A step that takes too long: theirs while it builds, ours while it deploys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from laambda.domain.build import Step
from laambda.errors import BuildFailed, Unavailable
from laambda.ports import LinkContext
from workers.link import within_limit

NO_CONTEXT = cast("LinkContext", None)


def endless(_: LinkContext) -> Mapping[str, Any]:
    raise SoftTimeLimitExceeded


def test_a_build_that_takes_too_long_fails_with_the_limit() -> None:
    with pytest.raises(BuildFailed, match=r"the step build took longer than 900 s\. An operator can raise LAAMBDA"):
        within_limit(Step.BUILD, endless, NO_CONTEXT)


def test_a_deploy_that_takes_too_long_is_tried_again() -> None:
    with pytest.raises(Unavailable, match="the step deploy took longer than 900 s"):
        within_limit(Step.DEPLOY, endless, NO_CONTEXT)
