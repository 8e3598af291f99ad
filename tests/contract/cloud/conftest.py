"""The same calls against the local cloud and against ministack, and what ministack is known to do differently."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud_bench import Bench
from tests.cloud_fixture import RunningCloud
from tests.ministack_fixture import running_ministack

GAPS: dict[str, str] = {
    "test_a_dry_run_of_an_update_changes_nothing": "DryRun replaces the code",
    "test_a_handler_that_is_not_there_is_named": "its own runtime client names errors differently",
    "test_a_module_that_is_not_there_is_named": "its own runtime client names errors differently",
    "test_a_runtime_that_does_not_exist_is_refused": "any runtime is accepted",
    "test_a_small_part_that_is_not_the_last_is_refused": "parts of any size are put together",
    "test_a_weight_sends_invocations_to_another_version": "weights of an alias are ignored",
    "test_an_alias_names_only_versions_that_exist": "an alias may name a version that is not there",
    "test_an_environment_above_four_kilobytes_is_refused": "an environment of any size is accepted",
    "test_an_event_above_six_megabytes_is_refused": "an event of any size is accepted",
    "test_an_event_that_is_no_json_is_refused": "any event is accepted",
    "test_an_exception_is_a_function_error": "every exception has the type Runtime.HandlerError",
    "test_another_revision_is_refused_and_nothing_changes[publish_version]": "PublishVersion ignores RevisionId",
    "test_deleting_an_alias_twice_is_no_error": "the second DeleteAlias is ResourceNotFoundException",
    "test_publishing_needs_the_code_that_is_named": "PublishVersion ignores CodeSha256",
    "test_the_current_revision_is_taken_and_changes[publish_version]": "a publication leaves the revision of $LATEST",
    "test_the_tail_of_the_log_is_framed_and_reported": "LogResult has no START, END and REPORT",
    "test_what_a_function_wrote_is_in_its_log_group": "events have no eventId",
}
"""Test to what ministack does instead of what AWS documents. Strict: an entry that has become untrue fails."""


@pytest.fixture(scope="package")
def local(local_cloud: RunningCloud) -> Bench:
    return Bench(local_cloud)


@pytest.fixture(scope="package")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running_ministack(tmp_path_factory.mktemp("ministack")) as cloud:
        yield Bench(cloud)


@pytest.fixture(params=["local", "ministack"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Each cloud in turn."""
    test = request.node.name.replace("[ministack]", "").replace("[ministack-", "[")
    if request.param == "ministack" and (reason := GAPS.get(test)):
        request.applymarker(pytest.mark.xfail(strict=True, reason=reason))
    found: Bench = request.getfixturevalue(request.param)
    return found
