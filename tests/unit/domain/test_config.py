"""Config vars change as asked, fit into Lambda's environment, and never show a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laambda.domain.config import ENVIRONMENT_LIMIT, ConfigChange, ConfigVars
from laambda.errors import InvalidInput

NAMES = st.from_regex(r"[B-Z][A-Z0-9_]{1,10}", fullmatch=True).filter(lambda name: not name.startswith("LAMBDA"))
SECRETS = st.text(st.characters(codec="ascii", categories=["Ll"]), min_size=6, max_size=30)
VALUES = st.dictionaries(NAMES, SECRETS, max_size=5)


@given(VALUES)
def test_nothing_prints_a_value(values: dict[str, str]) -> None:
    config, change = ConfigVars(values), ConfigChange(values=values)
    shown = " ".join([repr(config), str(config), f"{config}", repr(change), str(change), change.description])
    words = shown.replace("ConfigVars", "").replace("ConfigChange", "").replace("Config", "")
    assert not any(value in words for value in values.values())


@given(VALUES, VALUES)
def test_a_change_sets_and_keeps(before: dict[str, str], values: dict[str, str]) -> None:
    assert dict(ConfigVars(before).changed(ConfigChange(values=values))) == {**before, **values}


@given(VALUES)
def test_the_order_of_names_does_not_matter(values: dict[str, str]) -> None:
    turned = ConfigVars(dict(reversed(values.items())))
    assert turned == ConfigVars(values)
    assert turned.digest == ConfigVars(values).digest
    assert hash(turned) == hash(ConfigVars(values))


def test_a_change_unsets_and_clears() -> None:
    before = ConfigVars({"AA": "1", "BB": "2"})
    assert dict(before.changed(ConfigChange(unset=("AA", "CC")))) == {"BB": "2"}
    assert dict(before.changed(ConfigChange(clear=True))) == {}
    assert dict(before.changed(ConfigChange(values={"DD": "4"}, clear=True))) == {"DD": "4"}


def test_a_changed_value_changes_the_digest() -> None:
    assert ConfigVars({"AA": "1"}).digest != ConfigVars({"AA": "2"}).digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (ConfigChange(values={"BB": "2", "AA": "1"}), "Config set AA, BB"),
        (ConfigChange(unset=("BB", "AA")), "Config unset AA, BB"),
        (ConfigChange(values={"AA": "1"}, unset=("BB",)), "Config set AA; unset BB"),
        (ConfigChange(clear=True), "Config clear"),
    ],
)
def test_a_release_tells_names_only(change: ConfigChange, words: str) -> None:
    assert change.description == words


def test_lambda_takes_4_kilobytes_of_names_and_values() -> None:
    full = {"AA": "x" * (ENVIRONMENT_LIMIT - 2)}
    assert ConfigVars().changed(ConfigChange(values=full)).checked() == ConfigVars(full)
    with pytest.raises(InvalidInput, match="have 4098 bytes, Lambda takes 4096"):
        ConfigVars(full).changed(ConfigChange(values={"AA": "x" * ENVIRONMENT_LIMIT}))
    with pytest.raises(InvalidInput, match="have 4098 bytes"):
        ConfigVars({"AA": "x" * 4092 + "é", "BB": ""}).checked()


def test_a_refused_change_does_not_tell_the_value() -> None:
    with pytest.raises(InvalidInput) as refused:
        ConfigChange(values={"AA": "hunter2\0"})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(InvalidInput, match="is reserved"):
        ConfigChange(values={"AWS_REGION": "x"})
