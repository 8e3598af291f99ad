"""What Lambda promises to a deploy: the fake, and the adapters against the local cloud, alike."""

from __future__ import annotations

import base64
import hashlib
import io
import time
import uuid
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from laambda.cloud.target import target_cloud
from laambda.domain.app import Target
from laambda.domain.config import ConfigVars
from laambda.domain.function import CodeLocation, FunctionSettings, LiveFunction, WantedFunction
from laambda.errors import Conflict, NotFound, PreconditionLost
from laambda.ports import TargetCloud
from tests.cloud_fixture import RunningCloud
from tests.fakes.functions import fake_cloud

OWNER = "api/production"
SETTINGS = FunctionSettings("python3.11", "app.handler", "arn:aws:iam::123456789012:role/lambda")


@dataclass(frozen=True)
class Place:
    """A cloud, and a name that no other test uses in it."""

    cloud: TargetCloud
    name: str

    def code(self, text: str) -> CodeLocation:
        """A zip of one module, stored."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("app.py"), f"def handler(event, context):\n    return {text!r}\n")
        data = packed.getvalue()
        self.cloud.artifacts.put(f"slugs/{text}.zip", data)
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        return CodeLocation(self.cloud.artifacts.bucket, f"slugs/{text}.zip", digest, len(data))

    def wanted(self, text: str = "one", **config: str) -> WantedFunction:
        return WantedFunction("web", self.name, SETTINGS, ConfigVars(config), self.code(text))

    def settled(self) -> LiveFunction:
        """The function, once nothing is under way."""
        return until(lambda: live if (live := self.cloud.functions.get(self.name)) and live.settled else None)

    def created(self, **config: str) -> LiveFunction:
        self.cloud.functions.create(self.wanted(**config), OWNER)
        return self.settled()

    def published(self, live: LiveFunction) -> str:
        version = self.cloud.functions.publish(
            self.name, code_sha256=live.code_sha256, revision_id=live.revision_id, description="v1"
        )
        until(lambda: self.cloud.functions.version_settled(self.name, version) or None)
        return version


def until(look: Callable[[], LiveFunction | bool | None]) -> LiveFunction:
    """What ``look`` gives as soon as it gives something."""
    for _ in range(500):
        if found := look():
            return found  # type: ignore[return-value]
        time.sleep(0.002)
    raise AssertionError("nothing came")


@pytest.fixture(params=["fake", "local-cloud"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Place:
    name = f"api-{uuid.uuid4().hex[:8]}"
    if request.param == "fake":
        return Place(fake_cloud(tmp_path), name)
    running: RunningCloud = request.getfixturevalue("local_cloud")
    for variable, value in running.environment.items():
        monkeypatch.setenv(variable, value)
    return Place(target_cloud(Target(), bucket="contract"), name)


class TestFunctions:
    def test_there_is_none_before_it_is_created(self, place: Place) -> None:
        assert place.cloud.functions.get(place.name) is None

    def test_a_created_function_reads_as_it_was_wanted(self, place: Place) -> None:
        live = place.created(STAGE="blue")
        assert live.settings == SETTINGS
        assert live.code_sha256 == place.code("one").sha256
        assert live.config_digest == ConfigVars({"STAGE": "blue"}).digest
        assert (live.owner, live.alias, live.failure) == (OWNER, None, "")

    def test_the_second_creation_is_refused(self, place: Place) -> None:
        place.created()
        with pytest.raises(Conflict):
            place.cloud.functions.create(place.wanted("two"), "other/production")
        assert place.settled().owner == OWNER

    def test_an_update_of_the_code_needs_the_revision(self, place: Place) -> None:
        live = place.created()
        wanted = place.wanted("two")
        place.cloud.functions.update_code(place.name, wanted.code, wanted, live.revision_id)
        assert place.settled().code_sha256 == wanted.code.sha256
        with pytest.raises(PreconditionLost):
            place.cloud.functions.update_code(place.name, wanted.code, wanted, live.revision_id)

    def test_an_update_of_the_settings_needs_the_revision(self, place: Place) -> None:
        live = place.created(STAGE="blue")
        wanted = replace(place.wanted(), settings=replace(SETTINGS, memory=2048, timeout=3))
        place.cloud.functions.update_settings(wanted, live.revision_id)
        after = place.settled()
        assert (after.settings, after.config_digest) == (wanted.settings, ConfigVars().digest)
        with pytest.raises(PreconditionLost):
            place.cloud.functions.update_settings(wanted, live.revision_id)

    def test_the_revision_changes_once_more_when_an_update_settles(self, place: Place) -> None:
        live = place.created()
        wanted = place.wanted("two")
        answer = place.cloud.functions.update_code(place.name, wanted.code, wanted, live.revision_id)
        assert not answer.settled
        assert answer.revision_id not in (live.revision_id, place.settled().revision_id)

    def test_nothing_new_is_published_as_the_same_version(self, place: Place) -> None:
        live = place.created()
        assert place.published(live) == place.published(place.settled()) == "1"

    def test_a_new_version_changes_the_revision(self, place: Place) -> None:
        live = place.created()
        place.published(live)
        assert place.settled().revision_id != live.revision_id

    def test_publishing_another_code_than_the_one_named_is_refused(self, place: Place) -> None:
        live = place.created()
        with pytest.raises(PreconditionLost):
            place.published(replace(live, code_sha256=place.code("two").sha256))

    def test_publishing_an_old_revision_is_refused(self, place: Place) -> None:
        live = place.created()
        place.cloud.functions.update_settings(place.wanted(STAGE="green"), live.revision_id)
        place.settled()
        with pytest.raises(PreconditionLost):
            place.published(live)

    def test_a_version_that_is_not_there_is_not_found(self, place: Place) -> None:
        place.created()
        with pytest.raises(NotFound):
            place.cloud.functions.version_settled(place.name, "7")

    def test_deleting_is_harmless_where_there_is_nothing(self, place: Place) -> None:
        place.cloud.functions.delete(place.name)
        place.created()
        place.cloud.functions.delete(place.name)
        assert place.cloud.functions.get(place.name) is None


class TestAliases:
    def test_the_first_creation_wins(self, place: Place) -> None:
        version = place.published(place.created())
        made = place.cloud.aliases.create(place.name, version, "laambda token 1")
        with pytest.raises(Conflict):
            place.cloud.aliases.create(place.name, version, "laambda token 2")
        assert place.cloud.aliases.get(place.name) == made
        assert place.settled().alias == made

    def test_it_moves_and_is_described_under_its_revision(self, place: Place) -> None:
        version = place.published(place.created())
        made = place.cloud.aliases.create(place.name, version, "laambda token 1")
        marked = place.cloud.aliases.update(
            place.name, version=None, description="laambda token 2", revision_id=made.revision_id
        )
        assert (marked.version, marked.description) == (version, "laambda token 2")
        with pytest.raises(PreconditionLost):
            place.cloud.aliases.update(place.name, version=version, description="late", revision_id=made.revision_id)
        assert place.cloud.aliases.get(place.name) == marked

    def test_a_missing_alias_is_none_to_read_and_not_found_to_move(self, place: Place) -> None:
        place.created()
        assert place.cloud.aliases.get(place.name) is None
        assert place.cloud.aliases.get("no-such-function") is None
        with pytest.raises(NotFound):
            place.cloud.aliases.update(place.name, version="1", description="", revision_id=None)
