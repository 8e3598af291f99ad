"""The checkpoint at the point of no return: what a take-over needs to roll forward, as JSON without any secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from laambda.domain.function import Architecture, FunctionSettings
from laambda.domain.release import ReleasedFunction
from laambda.errors import UserError


class Undone(UserError):
    """AWS refused an alias for good, so the aliases were moved back: the one way in which a published row fails."""


@dataclass(frozen=True)
class Published:
    """A function with the version it served before (empty where it had no alias) and the one it shall serve."""

    function: ReleasedFunction
    old_version: str

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def version(self) -> str:
        return self.function.lambda_version


@dataclass(frozen=True)
class Deployment:
    """All functions of a release, published. ``clean``: one claim did the whole deploy, so nothing is to be fenced
    off afterwards. ``retired`` are functions that the release before had and this one has not."""

    version: int
    functions: tuple[Published, ...]
    retired: tuple[str, ...] = ()
    clean: bool = False

    def as_result(self) -> dict[str, Any]:
        """As kept in ``results["deploy"]``."""
        return {
            "version": self.version,
            "functions": [
                {
                    "process": each.function.process,
                    "name": each.name,
                    "old_version": each.old_version,
                    "version": each.version,
                    "code_sha256": each.function.code_sha256,
                    "settings": asdict(each.function.settings),
                }
                for each in self.functions
            ],
            "retired": list(self.retired),
            "clean": self.clean,
        }

    @classmethod
    def from_result(cls, result: Mapping[str, Any]) -> Deployment:
        """Read what ``as_result`` gave."""
        return cls(
            version=result["version"],
            functions=tuple(_published(each) for each in result["functions"]),
            retired=tuple(result["retired"]),
            clean=result["clean"],
        )


def _published(kept: Mapping[str, Any]) -> Published:
    settings = dict(kept["settings"])
    return Published(
        ReleasedFunction(
            process=kept["process"],
            name=kept["name"],
            settings=FunctionSettings(
                **{
                    **settings,
                    "architecture": Architecture(settings["architecture"]),
                    "subnets": tuple(settings["subnets"]),
                    "security_groups": tuple(settings["security_groups"]),
                }
            ),
            lambda_version=kept["version"],
            code_sha256=kept["code_sha256"],
        ),
        old_version=kept["old_version"],
    )
