"""Create, update, publish and delete functions, with the rules that moto's own Lambda leaves out.

Those rules are the ones a deploy leans on: revisions that are enforced, states that take time, conflicts while they
do, a publication of nothing new that makes nothing new. A fencing test against a cloud without them proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from laambda.localcloud import limits
from laambda.localcloud.functions import LATEST, Code, Function, Version
from laambda.localcloud.packages import Packages
from laambda.localcloud.refusal import conflict, invalid, require_revision
from laambda.localcloud.registry import Registry, resolve

DEFAULTS: Mapping[str, Any] = {
    "Description": "",
    "Timeout": 3,
    "MemorySize": 128,
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
}
"""https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""

SETTINGS = (
    *DEFAULTS,
    "Architectures",
    "DeadLetterConfig",
    "Environment",
    "FileSystemConfigs",
    "Handler",
    "KMSKeyArn",
    "Layers",
    "LoggingConfig",
    "Role",
    "Runtime",
    "SnapStart",
    "VpcConfig",
)
"""What a version holds, by its name in the API."""

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Control:
    """The calls on a function and its code; each gives the function and the version to describe in the answer."""

    registry: Registry
    packages: Packages

    def create(self, region: str, body: Body) -> tuple[Function, Version]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
        name = str(body["FunctionName"]).rpartition(":")[2]
        limits.check_name(name)
        settings = {**DEFAULTS, "Architectures": ["x86_64"], **_settings(body)}
        limits.check_settings(settings)
        if "Runtime" not in settings or "Handler" not in settings:
            raise invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages."
            )
        code = self.packages.take(body["Code"])
        with self.registry.changing():
            if self.registry.find(region, name):
                raise conflict(f"Function already exist: {name}")
            latest = self._version(LATEST, settings, code, creating=True)
            function = Function(self.registry.account, region, name, latest, tags=dict(body.get("Tags") or {}))
            return self._finish(function, publish=bool(body.get("Publish")))

    def update_code(self, region: str, name: str, body: Body) -> tuple[Function, Version]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html

        A DryRun checks everything and changes nothing.
        """
        self._check_update(self.registry.get(region, name), body)
        code = self.packages.take(body)
        with self.registry.changing():
            function = self.registry.get(region, name)
            self._check_update(function, body)
            settings = dict(function.latest.settings)
            if body.get("Architectures"):
                settings["Architectures"] = body["Architectures"]
            if body.get("DryRun"):
                return function, replace(function.latest, code=code)
            return self._finish(self._update(function, settings, code), publish=bool(body.get("Publish")))

    def update_settings(self, region: str, name: str, body: Body) -> tuple[Function, Version]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html"""
        changes = _settings(body)
        limits.check_settings(changes)
        with self.registry.changing():
            function = self.registry.get(region, name)
            self._check_update(function, body)
            settings = {**function.latest.settings, **changes}
            return self._finish(self._update(function, settings, function.latest.code), publish=False)

    def publish(self, region: str, name: str, body: Body) -> tuple[Function, Version]:
        """Make a version of ``$LATEST``; the last one is given back when nothing has changed since.

        A publication changes the revision of ``$LATEST`` too; the version's own stays when it becomes Active. It is
        Pending before, as on AWS with SnapStart; without it AWS answers Active at once, mostly.

        https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
        """
        with self.registry.changing():
            function = self.registry.get(region, name)
            self._check_update(function, body)
            expected, current = body.get("CodeSha256"), function.latest.code.sha256
            if expected and expected != current:
                raise invalid(
                    f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST ({current}). "
                    "Please try again with the CodeSHA256 in $LATEST."
                )
            last = function.versions.get(str(function.last_number))
            if last and last.source == function.latest.fingerprint():
                return function, last
            published = self._publication(function, body.get("Description"))
            revision = self.registry.new_id()
            latest = replace(function.latest, revision=revision, settled_revision=revision)
            return self.registry.put(replace(function.with_version(published), latest=latest)), published

    def delete(self, region: str, name: str, qualifier: str | None) -> None:
        """The function, or with a qualifier one version, unless an alias names it. A version that is not there is fine.

        https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html
        """
        with self.registry.changing():
            function = self.registry.get(region, name)
            if not qualifier:
                return self.registry.drop(function)
            if qualifier == LATEST:
                raise invalid("$LATEST version cannot be deleted without deleting the function.")
            if not qualifier.isdigit():
                raise invalid("Deletion of aliases is not currently supported.")
            if qualifier not in function.versions:
                return None
            users = [
                alias.name
                for alias in function.aliases.values()
                if qualifier == alias.version or qualifier in alias.weights
            ]
            if users:
                raise conflict(
                    f"Unable to delete version because the following aliases reference it: [{', '.join(users)}]"
                )
            versions = {number: kept for number, kept in function.versions.items() if number != qualifier}
            self.registry.put(replace(function, versions=versions))
            return None

    def describe(self, region: str, name: str, qualifier: str | None) -> tuple[Function, Version]:
        """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html"""
        function = self.registry.get(region, name)
        return function, resolve(function, qualifier)

    def _check_update(self, function: Function, body: Body) -> None:
        """Refuse a change under another revision, or while the last change has not settled.

        https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
        """
        now, latest = self.registry.clock(), function.latest
        require_revision(body.get("RevisionId"), latest.revision_at(now))
        if not latest.settled(now):
            reason = (
                "The function is currently in the following state: Pending"
                if latest.creating
                else f"An update is in progress for resource: {function.arn}"
            )
            raise conflict(f"The operation cannot be performed at this time. {reason}")

    def _update(self, function: Function, settings: Mapping[str, Any], code: Code) -> Function:
        before = replace(function.latest, before=None)
        latest = replace(self._version(LATEST, settings, code, creating=False), before=before)
        return replace(function, latest=latest)

    def _finish(self, function: Function, *, publish: bool) -> tuple[Function, Version]:
        answer = function.latest
        if publish:
            answer = self._publication(function, None)
            function = function.with_version(answer)
        return self.registry.put(function), answer

    def _publication(self, function: Function, description: str | None) -> Version:
        settings = dict(function.latest.settings)
        if description:
            settings["Description"] = description
        number = str(function.last_number + 1)
        version = self._version(number, settings, function.latest.code, creating=True)
        return replace(version, settled_revision=version.revision, source=function.latest.fingerprint())

    def _version(self, number: str, settings: Mapping[str, Any], code: Code, *, creating: bool) -> Version:
        now, new_id = self.registry.clock(), self.registry.new_id
        return Version(number, settings, code, new_id(), new_id(), now + self.registry.settle, now, creating)


def _settings(body: Body) -> dict[str, Any]:
    return {name: body[name] for name in SETTINGS if body.get(name) is not None}
