"""Config vars change as asked, fit into Lambda's environment, and never show a value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from laambda.domain.config import ENVIRONMENT_LIMIT, ConfigChange, ConfigVars
from laambda.errors import InvalidInput

NAMES = st.from_regex(r"[B-Z][A-Z0-9_]{0,10}", fullmatch=True).filter(lambda name: not name.startswith("LAMBDA"))
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
    before = ConfigVars({"A": "1", "B": "2"})
    assert dict(before.changed(ConfigChange(unset=("A", "C")))) == {"B": "2"}
    assert dict(before.changed(ConfigChange(clear=True))) == {}
    assert dict(before.changed(ConfigChange(values={"D": "4"}, clear=True))) == {"D": "4"}


def test_a_changed_value_changes_the_digest() -> None:
    assert ConfigVars({"A": "1"}).digest != ConfigVars({"A": "2"}).digest


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (ConfigChange(values={"B": "2", "A": "1"}), "Config set A, B"),
        (ConfigChange(unset=("B", "A")), "Config unset A, B"),
        (ConfigChange(values={"A": "1"}, unset=("B",)), "Config set A; unset B"),
        (ConfigChange(clear=True), "Config clear"),
    ],
)
def test_a_release_tells_names_only(change: ConfigChange, words: str) -> None:
    assert change.description == words


def test_lambda_takes_4_kilobytes_of_names_and_values() -> None:
    full = {"A": "x" * (ENVIRONMENT_LIMIT - 1)}
    assert ConfigVars().changed(ConfigChange(values=full)).checked() == ConfigVars(full)
    with pytest.raises(InvalidInput, match="have 4097 bytes, Lambda takes 4096"):
        ConfigVars(full).changed(ConfigChange(values={"A": "x" * ENVIRONMENT_LIMIT}))
    with pytest.raises(InvalidInput, match="have 4098 bytes"):
        ConfigVars({"A": "x" * 4094 + "é", "B": ""}).checked()


def test_a_refused_change_does_not_tell_the_value() -> None:
    with pytest.raises(InvalidInput) as refused:
        ConfigChange(values={"A": "hunter2\0"})
    assert "hunter2" not in str(refused.value)
    with pytest.raises(InvalidInput, match="is reserved"):
        ConfigChange(values={"AWS_REGION": "x"})
