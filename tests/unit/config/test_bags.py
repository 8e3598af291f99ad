"""Config bags open only where they were sealed for."""

from __future__ import annotations

import pytest

from laambda.config.bags import open_change, open_vars, seal_change, seal_vars
from laambda.domain.config import ConfigChange, ConfigVars
from laambda.domain.names import Scope
from laambda.errors import PlatformError
from tests.fakes.vault import FakeVault

API = Scope("api")
VAULT = FakeVault()


def test_vars_come_back_as_they_were() -> None:
    config = ConfigVars({"GREETING": 'grüß "dich"\n', "EMPTY": ""})
    assert dict(open_vars(VAULT, API, seal_vars(VAULT, API, config))) == dict(config)


def test_a_change_comes_back_as_it_was() -> None:
    change = ConfigChange(values={"AA": "1"}, unset=("BB",), clear=True)
    opened = open_change(VAULT, API, seal_change(VAULT, API, change))
    assert (opened.values, opened.unset, opened.clear) == ({"AA": "1"}, ("BB",), True)


@pytest.mark.parametrize("other", [Scope("web"), Scope("api", "staging")])
def test_a_bag_of_another_app_or_environment_does_not_open(other: Scope) -> None:
    sealed = seal_vars(VAULT, API, ConfigVars({"AA": "1"}))
    with pytest.raises(PlatformError):
        open_vars(VAULT, other, sealed)


def test_a_change_is_not_taken_for_a_whole_bag() -> None:
    with pytest.raises(PlatformError):
        open_vars(VAULT, API, seal_change(VAULT, API, ConfigChange(values={"AA": "1"})))


@pytest.mark.parametrize("plain", [b"AA=secret-1", b"[1]"])
def test_a_damaged_bag_is_named_without_its_content(plain: bytes) -> None:
    sealed = VAULT.seal(plain, {"app": "api", "environment": "production", "purpose": "config"})
    with pytest.raises(PlatformError, match="config bag of api") as refused:
        open_vars(VAULT, API, sealed)
    assert "secret-1" not in str(refused.value)
    assert refused.value.__cause__ is None
