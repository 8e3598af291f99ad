from __future__ import annotations

from pathlib import Path

import pytest

from laambda.errors import InvalidInput
from receiver.auth import host_key


def test_the_host_key_is_made_once(tmp_path: Path) -> None:
    path = tmp_path / "home" / "host_ed25519"
    first = host_key(path)

    assert host_key(path).asbytes() == first.asbytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["host_ed25519"]


def test_a_damaged_host_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "host_ed25519").write_text("nonsense")
    with pytest.raises(InvalidInput, match="is not an ed25519 key"):
        host_key(tmp_path / "host_ed25519")
