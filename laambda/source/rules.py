"""What a push may ask for: its options and its refs. Pure rules, checked before anything is stored."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from laambda.domain.refs import RefUpdate, clash, is_object_id
from laambda.errors import InvalidInput

_UPDATES_LIMIT = 1000
_NAME_LIMIT = 255
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|\.$|/$|^/|\ufffd")
"""https://git-scm.com/docs/git-check-ref-format: git itself leaves the check to whoever updates the ref."""


@dataclass(frozen=True)
class PushOptions:
    """``detach``: the refs move at acceptance, the build goes on alone. ``no_cache``: build from nothing."""

    detach: bool = False
    no_cache: bool = False


def read_options(options: Sequence[str]) -> PushOptions:
    """What ``git push -o`` asks for; InvalidInput for an option that does not exist."""
    for option in options:
        if option not in ("detach", "no-cache"):
            raise InvalidInput(f"{option[:60]!r} is not a push option", hint="There are -o detach and -o no-cache")
    return PushOptions(detach="detach" in options, no_cache="no-cache" in options)


def deploy_ref(updates: Sequence[RefUpdate]) -> RefUpdate | None:
    """The one update that makes a release, or None; InvalidInput for refs that nobody may push."""
    if len(updates) > _UPDATES_LIMIT:
        raise InvalidInput(f"{len(updates)} refs in one push, at most {_UPDATES_LIMIT} are taken")
    for update in updates:
        check_ref_name(update.name)
        if not is_object_id(update.old) or not is_object_id(update.new):
            raise InvalidInput(f"{update.short} names an object that is no SHA-1", hint="Use a SHA-1 repository")
    deploys = [update for update in updates if update.deploys]
    if len(deploys) > 1:
        raise InvalidInput(
            f"{' and '.join(update.short for update in deploys)} are both deployed, so only one may be pushed at once",
            hint="Run git push laambda main",
        )
    if deploys and deploys[0].deletes:
        raise InvalidInput(
            f"{deploys[0].short} is the deploy branch and can't be deleted",
            hint="To take the app down: laambda apps:destroy",
        )
    return deploys[0] if deploys else None


def check_ref_name(name: str) -> None:
    """Raise InvalidInput unless ``name`` is a branch or a tag with a name that git allows."""
    short = name.removeprefix("refs/heads/").removeprefix("refs/tags/")
    if short == name:
        raise InvalidInput(f"{name[:100]!r} is neither a branch nor a tag", hint="Push to a branch or a tag")
    if (
        not short
        or len(name) > _NAME_LIMIT
        or short.startswith((".", "-"))
        or not short.isprintable()
        or _FORBIDDEN.search(short)
    ):
        raise InvalidInput(f"{short[:100]!r} is not a name for a branch or a tag")


def check_together(refs: Mapping[str, str], updates: Sequence[RefUpdate]) -> None:
    """Raise InvalidInput where a ref would be the folder of another, which no clone could hold."""
    if found := clash(refs, updates):
        raise InvalidInput(f"{found[0]} and {found[1]} can't both exist", hint="Rename one of them")
