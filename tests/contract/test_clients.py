"""Clients of a target: made once, under the role that its environment names."""

from __future__ import annotations

import pytest

from laambda.cloud.clients import Clients
from laambda.cloud.target import TargetClouds
from laambda.domain.app import Target
from laambda.errors import PlatformError, Unavailable
from tests.cloud_fixture import RunningCloud

ROLE = "arn:aws:iam::123456789012:role/deploy"


@pytest.fixture
def here(local_cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in local_cloud.environment.items():
        monkeypatch.setenv(variable, value)


@pytest.mark.usefixtures("here")
def test_a_client_is_made_once_for_its_region() -> None:
    clients = Clients(Target(region="eu-central-1"))
    assert clients.functions is clients.functions
    assert clients.functions.meta.region_name == "eu-central-1"


@pytest.mark.usefixtures("here")
def test_a_deploy_role_is_assumed() -> None:
    clients = Clients(Target(deploy_role=ROLE))
    signer = clients.functions._request_signer  # type: ignore[attr-defined]
    frozen = signer._credentials.get_frozen_credentials()
    assert frozen.access_key != "test"
    assert frozen.token


@pytest.mark.usefixtures("here")
def test_the_same_target_gets_the_same_adapters() -> None:
    clouds = TargetClouds(bucket="contract")
    assert clouds(Target()) is clouds(Target())
    assert clouds(Target(region="eu-west-1")).artifacts.bucket == "contract-eu-west-1"
    assert clouds.home_objects.bucket == "contract"


def test_a_cloud_that_is_not_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with pytest.raises(Unavailable, match="GetFunction api-web"):
        TargetClouds(bucket="contract")(Target()).functions.get("api-web")


def test_missing_credentials_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(PlatformError, match="no credentials"):
        TargetClouds(bucket="contract")(Target()).functions.get("api-web")
