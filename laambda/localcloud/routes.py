"""Lambda's REST paths, each to its call.

The table is the list of what the local Lambda can do; any other call is refused by name. Paths are those of
https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html, their dates not told apart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from laambda.localcloud import describe
from laambda.localcloud.access import Access
from laambda.localcloud.aliases import Aliases
from laambda.localcloud.control import Control
from laambda.localcloud.exchange import Answer, Request, answer_json, answer_refusal
from laambda.localcloud.functions import LATEST, Function, Version
from laambda.localcloud.invoke import Invoker
from laambda.localcloud.limits import check_upload
from laambda.localcloud.refusal import RefusedError, invalid
from laambda.localcloud.registry import Registry, split_name

PAGE = 50


@dataclass(frozen=True)
class Call:
    """One matched request: ``name`` of the function without its qualifier, ``item`` the last part of the path."""

    request: Request
    region: str
    name: str
    qualifier: str | None
    item: str


@dataclass(frozen=True)
class LambdaApi:
    """The Lambda service. ``code_location`` gives the address a package can be fetched from."""

    registry: Registry
    control: Control
    aliases: Aliases
    access: Access
    invoker: Invoker
    code_location: Callable[[str], str]

    def answer(self, request: Request) -> Answer:
        """Answer any request that is signed for Lambda."""
        try:
            return self._route(request)
        except RefusedError as refusal:
            return answer_refusal(refusal)
        except KeyError as error:
            return answer_refusal(invalid(f"Missing parameter {error.args[0]}"))

    def _route(self, request: Request) -> Answer:
        path = re.sub(r"^/\d{4}-\d\d-\d\d", "", request.path).rstrip("/")
        for method, pattern, handler in ROUTES:
            if request.method == method and (match := re.fullmatch(pattern, path)):
                parts = {key: unquote(value) for key, value in match.groupdict().items()}
                name, qualifier = split_name(parts["name"]) if "name" in parts else ("", None)
                qualifier = request.query.get("Qualifier") or qualifier
                region, _ = request.scope()
                return handler(self, Call(request, region, name, qualifier, parts.get("item", "")))
        raise RefusedError("UnknownOperationException", f"The local cloud has no Lambda call {request.method} {path}")

    def _configuration(self, function: Function, version: Version, *, qualified: bool = False) -> dict[str, Any]:
        return describe.configuration(function, version, self.registry.clock(), qualified=qualified)

    def create_function(self, call: Call) -> Answer:
        check_upload(call.request.body, "CreateFunction")
        return answer_json(201, self._configuration(*self.control.create(call.region, call.request.json())))

    def list_functions(self, call: Call) -> Answer:
        rows = []
        for function in self.registry.all():
            if function.region == call.region:
                every = call.request.query.get("FunctionVersion") == "ALL"
                held = [function.latest, *(function.versions.values() if every else ())]
                rows += [_listed(self._configuration(function, version, qualified=every)) for version in held]
        return _page(call.request, "Functions", rows)

    def get_function(self, call: Call) -> Answer:
        function, version = self.control.describe(call.region, call.name, call.qualifier)
        location = self.code_location(version.code.digest)
        qualified = bool(call.qualifier)
        return answer_json(200, describe.code(function, version, self.registry.clock(), location, qualified=qualified))

    def get_configuration(self, call: Call) -> Answer:
        found = self.control.describe(call.region, call.name, call.qualifier)
        return answer_json(200, self._configuration(*found, qualified=bool(call.qualifier)))

    def update_configuration(self, call: Call) -> Answer:
        _require_latest(call)
        changed = self.control.update_settings(call.region, call.name, call.request.json())
        return answer_json(200, self._configuration(*changed))

    def update_code(self, call: Call) -> Answer:
        check_upload(call.request.body, "UpdateFunctionCode")
        _require_latest(call)
        changed = self.control.update_code(call.region, call.name, call.request.json())
        return answer_json(200, self._configuration(*changed))

    def delete_function(self, call: Call) -> Answer:
        self.control.delete(call.region, call.name, call.qualifier)
        return Answer(204)

    def publish_version(self, call: Call) -> Answer:
        published = self.control.publish(call.region, call.name, call.request.json())
        return answer_json(201, self._configuration(*published))

    def list_versions(self, call: Call) -> Answer:
        function = self.registry.get(call.region, call.name)
        held = [function.latest, *sorted(function.versions.values(), key=lambda one: int(one.number))]
        rows = [_listed(self._configuration(function, version, qualified=True)) for version in held]
        return _page(call.request, "Versions", rows)

    def create_alias(self, call: Call) -> Answer:
        made = self.aliases.create(call.region, call.name, call.request.json())
        return answer_json(201, describe.alias(*made))

    def list_aliases(self, call: Call) -> Answer:
        function = self.registry.get(call.region, call.name)
        chosen = call.request.query.get("FunctionVersion")
        rows = [
            describe.alias(function, function.aliases[name])
            for name in sorted(function.aliases)
            if chosen in (None, function.aliases[name].version)
        ]
        return _page(call.request, "Aliases", rows)

    def get_alias(self, call: Call) -> Answer:
        return answer_json(200, describe.alias(*self.aliases.get(call.region, call.name, call.item)))

    def update_alias(self, call: Call) -> Answer:
        changed = self.aliases.update(call.region, call.name, call.item, call.request.json())
        return answer_json(200, describe.alias(*changed))

    def delete_alias(self, call: Call) -> Answer:
        self.aliases.delete(call.region, call.name, call.item)
        return Answer(204)

    def add_permission(self, call: Call) -> Answer:
        statement = self.access.allow(call.region, call.name, call.qualifier, call.request.json())
        return answer_json(201, {"Statement": json.dumps(statement)})

    def get_policy(self, call: Call) -> Answer:
        return answer_json(200, self.access.policy(call.region, call.name, call.qualifier))

    def remove_permission(self, call: Call) -> Answer:
        revision = call.request.query.get("RevisionId")
        self.access.forbid(call.region, call.name, call.qualifier, call.item, revision)
        return Answer(204)

    def list_tags(self, call: Call) -> Answer:
        return answer_json(200, {"Tags": dict(self.registry.get(call.region, call.name).tags)})

    def tag(self, call: Call) -> Answer:
        self.access.tag(call.region, call.name, call.request.json()["Tags"])
        return Answer(204)

    def untag(self, call: Call) -> Answer:
        self.access.untag(call.region, call.name, call.request.parameters().get("tagKeys", []))
        return Answer(204)

    def get_concurrency(self, call: Call) -> Answer:
        reserved = self.registry.get(call.region, call.name).concurrency
        return answer_json(200, {} if reserved is None else {"ReservedConcurrentExecutions": reserved})

    def put_concurrency(self, call: Call) -> Answer:
        reserved = int(call.request.json()["ReservedConcurrentExecutions"])
        self.access.reserve(call.region, call.name, reserved)
        return answer_json(200, {"ReservedConcurrentExecutions": reserved})

    def delete_concurrency(self, call: Call) -> Answer:
        self.access.reserve(call.region, call.name, None)
        return Answer(204)

    def invoke(self, call: Call) -> Answer:
        function = self.registry.get(call.region, call.name)
        return self.invoker.answer(function, call.qualifier, call.request)


def _require_latest(call: Call) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html: a version can't be changed."""
    if call.qualifier not in (None, LATEST):
        raise invalid("Current operation does not support versions other than $LATEST.")


def _listed(configuration: dict[str, Any]) -> dict[str, Any]:
    """Listings leave out the states.

    https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html
    """
    return {name: value for name, value in configuration.items() if not name.startswith(("State", "LastUpdate"))}


def _page(request: Request, field: str, rows: Sequence[dict[str, Any]]) -> Answer:
    """At most 50 rows an answer, more behind ``NextMarker``."""
    start = int(request.query.get("Marker") or 0)
    end = start + min(int(request.query.get("MaxItems") or PAGE), PAGE)
    answer: dict[str, Any] = {field: rows[start:end]}
    if end < len(rows):
        answer["NextMarker"] = str(end)
    return answer_json(200, answer)


_FUNCTION = r"/functions/(?P<name>[^/]+)"
_TAGGED = r"/tags/(?P<name>[^/]+)"
_ITEM = r"/(?P<item>[^/]+)"

ROUTES: Sequence[tuple[str, str, Callable[[LambdaApi, Call], Answer]]] = (
    ("POST", f"{_FUNCTION}/invocations", LambdaApi.invoke),
    ("GET", "/functions", LambdaApi.list_functions),
    ("POST", "/functions", LambdaApi.create_function),
    ("GET", _FUNCTION, LambdaApi.get_function),
    ("DELETE", _FUNCTION, LambdaApi.delete_function),
    ("GET", f"{_FUNCTION}/configuration", LambdaApi.get_configuration),
    ("PUT", f"{_FUNCTION}/configuration", LambdaApi.update_configuration),
    ("PUT", f"{_FUNCTION}/code", LambdaApi.update_code),
    ("GET", f"{_FUNCTION}/versions", LambdaApi.list_versions),
    ("POST", f"{_FUNCTION}/versions", LambdaApi.publish_version),
    ("GET", f"{_FUNCTION}/aliases", LambdaApi.list_aliases),
    ("POST", f"{_FUNCTION}/aliases", LambdaApi.create_alias),
    ("GET", f"{_FUNCTION}/aliases{_ITEM}", LambdaApi.get_alias),
    ("PUT", f"{_FUNCTION}/aliases{_ITEM}", LambdaApi.update_alias),
    ("DELETE", f"{_FUNCTION}/aliases{_ITEM}", LambdaApi.delete_alias),
    ("GET", f"{_FUNCTION}/policy", LambdaApi.get_policy),
    ("POST", f"{_FUNCTION}/policy", LambdaApi.add_permission),
    ("DELETE", f"{_FUNCTION}/policy{_ITEM}", LambdaApi.remove_permission),
    ("GET", f"{_FUNCTION}/concurrency", LambdaApi.get_concurrency),
    ("PUT", f"{_FUNCTION}/concurrency", LambdaApi.put_concurrency),
    ("DELETE", f"{_FUNCTION}/concurrency", LambdaApi.delete_concurrency),
    ("GET", _TAGGED, LambdaApi.list_tags),
    ("POST", _TAGGED, LambdaApi.tag),
    ("DELETE", _TAGGED, LambdaApi.untag),
)
