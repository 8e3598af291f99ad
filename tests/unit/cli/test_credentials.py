"""The file of tokens: private, one token an address, never half written."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from laambda.cli.credentials import read_tokens, store_token, stored_token
from laambda.errors import InvalidInput

URL = "http://127.0.0.1:8080"


def test_a_stored_token_is_found_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path)}
    path = store_token(URL + "/", "lmb_a", environ=environ)
    assert path == tmp_path / "laambda" / "config.toml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == f'api = "{URL}"\n\n[tokens]\n"{URL}" = "lmb_a"\n'
    assert stored_token(URL, environ=environ) == "lmb_a"


def test_a_new_token_replaces_the_old_one_of_its_address_alone(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    for url, token in ((URL, "lmb_a"), ("https://b.example", "lmb_b"), (URL, "lmb_c")):
        store_token(url, token, environ=environ)
    tokens = read_tokens(environ)
    assert dict(tokens.by_url) == {URL: "lmb_c", "https://b.example": "lmb_b"}
    assert "lmb_" not in repr(tokens)


def test_the_default_address_changes_only_when_asked(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path)}
    store_token("https://a.example", "lmb_a", environ=environ)
    store_token(URL, "lmb_b", environ=environ)
    assert read_tokens(environ).api == "https://a.example"
    store_token(URL, "lmb_b", environ=environ, default=True)
    assert read_tokens(environ).api == URL


def test_a_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = store_token(URL, "lmb_a", environ={"HOME": str(tmp_path)})
    path.chmod(0o644)
    with pytest.raises(InvalidInput, match="can be read by others"):
        read_tokens({"HOME": str(tmp_path)})


@pytest.mark.parametrize("text", ["api = ", "tokens = 3", "[tokens]\na = 3", "\xff"])
def test_a_broken_file_is_named_without_its_content(tmp_path: Path, text: str) -> None:
    path = store_token(URL, "lmb_a", environ={"HOME": str(tmp_path)})
    path.write_text(text, encoding="latin-1")
    with pytest.raises(InvalidInput, match=r"config\.toml"):
        read_tokens({"HOME": str(tmp_path)})
