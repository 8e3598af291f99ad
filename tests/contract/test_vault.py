"""What every vault promises, asked of the fake, the key file and KMS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from laambda.cloud.keyfile import KeyFileVault
from laambda.cloud.kms import KmsVault
from laambda.errors import PlatformError, Unavailable
from laambda.ports import Vault
from tests.fakes.vault import FakeVault

CONTEXT = {"app": "api", "environment": "production", "purpose": "config"}
PLAIN = b'{"PASSWORD":"correct horse"}'


def kms_client(url: str) -> Callable[[], object]:
    return lambda: boto3.client(
        "kms",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


@pytest.fixture(scope="module")
def kms_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["fake", "key file", "kms"])
def vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    if request.param == "fake":
        return FakeVault()
    if request.param == "key file":
        return KeyFileVault(tmp_path / "secrets.key")
    client = kms_client(request.getfixturevalue("kms_url"))
    return KmsVault(client, client().create_key()["KeyMetadata"]["KeyId"])  # type: ignore[attr-defined, arg-type]


def test_a_bag_opens_with_its_context_however_it_is_ordered(vault: Vault) -> None:
    sealed = vault.seal(PLAIN, CONTEXT)
    assert vault.open(sealed, dict(reversed(CONTEXT.items()))) == PLAIN
    assert vault.open(sealed, CONTEXT) == PLAIN


@pytest.mark.parametrize("change", [{"app": "web"}, {"purpose": "config-change"}, {"more": "x"}])
def test_a_bag_does_not_open_with_another_context(vault: Vault, change: dict[str, str]) -> None:
    sealed = vault.seal(PLAIN, CONTEXT)
    with pytest.raises(PlatformError):
        vault.open(sealed, CONTEXT | change)


def test_a_bag_that_was_opened_before_still_needs_its_context(vault: Vault) -> None:
    sealed = vault.seal(PLAIN, CONTEXT)
    vault.open(sealed, CONTEXT)
    with pytest.raises(PlatformError):
        vault.open(sealed, CONTEXT | {"app": "web"})


def test_an_empty_bag_is_a_bag(vault: Vault) -> None:
    assert vault.open(vault.seal(b"", CONTEXT), CONTEXT) == b""


@pytest.mark.parametrize("sealed", [b"", b"LMBV", b"LMBV\x01F\xff\xff", b"garbage that is long enough to have parts"])
def test_what_is_no_bag_is_refused(vault: Vault, sealed: bytes) -> None:
    with pytest.raises(PlatformError):
        vault.open(sealed, CONTEXT)


@pytest.fixture(params=["key file", "kms"])
def real_vault(request: pytest.FixtureRequest, tmp_path: Path) -> Vault:
    if request.param == "key file":
        return KeyFileVault(tmp_path / "secrets.key")
    client = kms_client(request.getfixturevalue("kms_url"))
    return KmsVault(client, client().create_key()["KeyMetadata"]["KeyId"])  # type: ignore[attr-defined, arg-type]


def test_nothing_of_the_content_shows_and_no_two_bags_are_alike(real_vault: Vault) -> None:
    first, second = real_vault.seal(PLAIN, CONTEXT), real_vault.seal(PLAIN, CONTEXT)
    assert b"horse" not in first + second
    assert first != second


def test_each_changed_byte_is_noticed(real_vault: Vault) -> None:
    sealed = real_vault.seal(PLAIN, CONTEXT)
    for place in range(0, len(sealed), 11):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(PlatformError):
            real_vault.open(bytes(changed), CONTEXT)


def test_kms_that_does_not_answer_is_unavailable() -> None:
    client = boto3.client(
        "kms",
        endpoint_url="http://127.0.0.1:1",
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=boto3.session.Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(Unavailable, match="KMS did not give a data key"):
        KmsVault(lambda: client, "alias/laambda").seal(PLAIN, CONTEXT)


def test_an_unknown_kms_key_is_ours_to_mend(kms_url: str) -> None:
    with pytest.raises(PlatformError, match="NotFoundException") as refused:
        KmsVault(kms_client(kms_url), "nokey").seal(PLAIN, CONTEXT)  # type: ignore[arg-type]
    assert "LAAMBDA_KMS_KEY" in refused.value.hint
