"""The nouns of the local Lambda: functions, versions, aliases.

They are frozen, and a change is a new value, so that a running invocation, the journal and a reader never see half
an update. A state that settles by itself is not a timer but a function of the time: what settles, and under which
revision, is decided when the change is made and is therefore the same after a restart.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

LATEST = "$LATEST"


@dataclass(frozen=True)
class Code:
    """A deployment package: ``digest`` names its bytes in the blob store, ``sha256`` is what AWS calls CodeSha256."""

    digest: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Version:
    """``$LATEST`` or a published version. ``settings`` are the fields of CreateFunction that a version holds.

    ``source`` is, for a published version, the fingerprint of the ``$LATEST`` it was made from. ``before`` is what
    still runs while an update settles.
    """

    number: str
    settings: Mapping[str, Any]
    code: Code
    revision: str
    settled_revision: str
    settles_at: float
    modified_at: float
    creating: bool = True
    source: str = ""
    before: Version | None = None

    def settled(self, now: float) -> bool:
        return now >= self.settles_at

    def revision_at(self, now: float) -> str:
        return self.settled_revision if self.settled(now) else self.revision

    def running(self, now: float) -> Version:
        """What an invocation runs: the old code and settings until an update has settled.

        https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        """
        return self.before if self.before and not self.settled(now) else self

    def fingerprint(self) -> str:
        """Equal for two states of ``$LATEST`` that AWS would publish as one version."""
        text = json.dumps([self.code.sha256, self.settings], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Alias:
    """A name for a version; ``weights`` sends a share of the invocations to other versions."""

    name: str
    version: str
    description: str
    weights: Mapping[str, float]
    revision: str


@dataclass(frozen=True)
class Function:
    """A function with all that hangs on its name. ``policies`` holds statements by qualifier, "" being the function."""

    account: str
    region: str
    name: str
    latest: Version
    versions: Mapping[str, Version] = field(default_factory=dict)
    aliases: Mapping[str, Alias] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    policies: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    concurrency: int | None = None
    last_number: int = 0

    @property
    def arn(self) -> str:
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    def qualified(self, qualifier: str) -> str:
        return f"{self.arn}:{qualifier}"

    def with_version(self, version: Version) -> Function:
        return replace(self, versions={**self.versions, version.number: version}, last_number=int(version.number))

    def with_alias(self, alias: Alias) -> Function:
        return replace(self, aliases={**self.aliases, alias.name: alias})

    def codes(self) -> set[str]:
        """The digests of every package that this function still needs."""
        held = [self.latest, self.latest.before, *self.versions.values()]
        return {version.code.digest for version in held if version}


def timestamp(seconds: float) -> str:
    """A time as Lambda writes it, such as ``2026-01-31T23:59:59.000+0000``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def to_document(function: Function) -> dict[str, Any]:
    """The function as plain JSON, for the journal; of its versions only the numbers, since they hardly ever change."""
    return {**asdict(replace(function, versions={})), "versions": list(function.versions)}


def from_document(document: Mapping[str, Any], versions: Mapping[str, Version]) -> Function:
    """The function that ``to_document`` wrote, with those of ``versions`` that it had."""
    fields = dict(document)
    fields["latest"] = version_from_document(fields["latest"])
    fields["versions"] = {number: versions[number] for number in fields["versions"]}
    fields["aliases"] = {name: Alias(**alias) for name, alias in fields["aliases"].items()}
    return Function(**fields)


def version_to_document(version: Version) -> dict[str, Any]:
    """The version as plain JSON."""
    return asdict(version)


def version_from_document(document: Mapping[str, Any]) -> Version:
    """The version that ``version_to_document`` wrote."""
    fields = dict(document)
    fields["code"] = Code(**fields["code"])
    fields["before"] = version_from_document(fields["before"]) if fields["before"] else None
    return Version(**fields)
