"""The optional ``laambda.toml``: what an app says about itself that no file of its language says."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from laambda.build.requirements import load_toml
from laambda.errors import BuildFailed

NAME = "laambda.toml"


@dataclass(frozen=True)
class Manifest:
    """Empty where the app does not say. ``runtime`` is a Lambda identifier, ``architecture`` x86_64 or arm64."""

    runtime: str = ""
    architecture: str = ""


def read(tree: Path) -> Manifest:
    """The manifest of ``tree``; raises BuildFailed naming a key that is unknown or no text."""
    path = tree / NAME
    if not path.is_file():
        return Manifest()
    document = load_toml(path)
    known = {field.name for field in fields(Manifest)}
    for key, value in document.items():
        if key not in known:
            raise BuildFailed(f"{NAME}: there is no setting {key[:40]!r}", hint=f"Known are {', '.join(sorted(known))}")
        if not isinstance(value, str):
            raise BuildFailed(f"{NAME}: {key} must be a text", hint=f'Write it as {key} = "..."')
    return Manifest(**{key: str(value) for key, value in document.items()})
