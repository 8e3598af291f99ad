"""A client of laambda's HTTP API, for the command line and for scripts.

On ``http.client``, because a command's import time is part of its answer time. One connection is kept for the calls of
a command. Every error is one of ``laambda.errors``: what the API says as problem details (RFC 9457) comes back as
the error that it was there.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict, cast
from urllib.parse import quote, urlencode, urlsplit

from laambda.errors import (
    BuildFailed,
    Conflict,
    InvalidInput,
    LaambdaError,
    NotAllowed,
    NotFound,
    PlatformError,
    Unavailable,
    UserError,
)

PROBLEM_PREFIX = "urn:laambda:problem:"
_ANSWER_LIMIT = 64 * 1024 * 1024
_ERRORS: Mapping[str, type[LaambdaError]] = {
    "invalid-input": InvalidInput,
    "not-found": NotFound,
    "conflict": Conflict,
    "not-allowed": NotAllowed,
    "unauthorised": NotAllowed,
    "build-failed": BuildFailed,
    "refused": UserError,
    "unavailable": Unavailable,
    "platform": PlatformError,
}


class FunctionJson(TypedDict):
    """A function of a release; memory in MB, timeout in seconds."""

    process: str
    name: str
    version: str
    runtime: str
    handler: str
    architecture: str
    memory: int
    timeout: int


class AppJson(TypedDict):
    """An app; ``live`` and ``version`` are 0 before the first release."""

    app: str
    name: str
    environment: str
    role: str
    live: int
    version: int
    git_url: str
    created_at: str
    created_by: str


class AppDetailJson(AppJson):
    """An app with the functions that serve."""

    functions: list[FunctionJson]


class KeyJson(TypedDict):
    """An SSH key."""

    fingerprint: str
    user: str
    kind: str
    comment: str
    added_at: str


class ReleaseJson(TypedDict):
    """A release; ``current`` marks the one that serves."""

    version: int
    state: str
    current: bool
    kind: str
    description: str
    actor: str
    created_at: str
    build: int
    commit: str
    slug: str
    functions: list[FunctionJson]


class RollbackPreviewJson(TypedDict):
    """What a rollback would change; functions and config vars map names to +, - or ~."""

    current: int
    version: int
    functions: dict[str, str]
    config: dict[str, str]
    lines: list[str]


class BuildJson(TypedDict):
    """A build; ``timings`` in seconds by step."""

    id: int
    app: str
    kind: str
    state: str
    step: str
    description: str
    actor: str
    commit: str
    attempt: int
    node: str
    version: int | None
    target_version: int | None
    error: str
    timings: dict[str, float]
    created_at: str
    ended_at: str | None


class InvocationJson(TypedDict):
    """A function's answer; ``error`` is empty where it returned."""

    payload: str
    error: str
    log_tail: str
    executed_version: str


class LogLineJson(TypedDict):
    """A line that a function wrote."""

    id: str
    at: str
    process: str
    function: str
    stream: str
    message: str


class Client:
    """The API at ``url`` for the holder of ``token``. Not for several threads at once. ``timeout`` in seconds."""

    def __init__(self, url: str, token: str, *, timeout: float = 60.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidInput(f"{url[:100]!r} is not an API address", hint="It looks like http://127.0.0.1:8080")
        self.url = url.rstrip("/")
        self._parts = parts
        self._token = token
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    # ------------------------------------------------------------ apps

    def apps(self) -> list[AppJson]:
        return cast("list[AppJson]", self._get("/v1/apps"))

    def create_app(self, name: str, role: str) -> AppJson:
        return cast("AppJson", self._call("POST", "/v1/apps", {"name": name, "role": role}))

    def app(self, app: str) -> AppDetailJson:
        return cast("AppDetailJson", self._get(_path("apps", app)))

    def destroy_app(self, app: str) -> list[str]:
        """Gives the names of the functions deleted."""
        return cast("list[str]", self._call("DELETE", _path("apps", app))["functions"])

    def invoke(self, app: str, process: str, event: bytes) -> InvocationJson:
        path = _path("apps", app, "functions", process, "invoke")
        return cast("InvocationJson", self._call("POST", path, event, timeout=930))

    def logs(
        self, app: str, *, limit: int = 100, process: str | None = None, since: str | None = None
    ) -> list[LogLineJson]:
        """The last lines, or those from ``since`` (ISO 8601) on; oldest first."""
        query = {"limit": limit, "process": process, "since": since}
        return cast("list[LogLineJson]", self._get(_path("apps", app, "logs", **query)))

    # ------------------------------------------------------------ keys

    def keys(self) -> list[KeyJson]:
        return cast("list[KeyJson]", self._get("/v1/keys"))

    def add_key(self, line: str, *, user: str | None = None) -> KeyJson:
        """``user`` is by default the token's."""
        return cast("KeyJson", self._call("POST", "/v1/keys", {"key": line, "user": user}))

    def remove_key(self, name: str) -> KeyJson:
        """By fingerprint or comment."""
        return cast("KeyJson", self._call("DELETE", _path("keys", name=name)))

    # ------------------------------------------------------------ config vars

    def config(self, app: str) -> dict[str, str]:
        return cast("dict[str, str]", self._get(_path("apps", app, "config")))

    def change_config(self, app: str, changes: Mapping[str, str | None]) -> BuildJson | None:
        """Set, and unset where the value is None. Gives the build that releases it, or None: it is in force."""
        answer = self._call("PATCH", _path("apps", app, "config"), dict(changes))
        return cast("BuildJson | None", answer["build"])

    def clear_config(self, app: str) -> BuildJson | None:
        return cast("BuildJson | None", self._call("DELETE", _path("apps", app, "config"))["build"])

    # ------------------------------------------------------------ releases

    def releases(self, app: str, *, limit: int = 15) -> list[ReleaseJson]:
        return cast("list[ReleaseJson]", self._get(_path("apps", app, "releases", limit=limit)))

    def release(self, app: str, version: int | None = None) -> ReleaseJson:
        """vN, or the one that serves."""
        return cast("ReleaseJson", self._get(_path("apps", app, "releases", version or "current")))

    def roll_back(self, app: str, version: int | None = None) -> BuildJson:
        """By default to the last good release before the one that serves."""
        return cast("BuildJson", self._call("POST", _path("apps", app, "rollback"), {"version": version}))

    def preview_rollback(self, app: str, version: int | None = None) -> RollbackPreviewJson:
        return cast("RollbackPreviewJson", self._get(_path("apps", app, "rollback", version=version)))

    # ------------------------------------------------------------ builds

    def builds(self, app: str, *, limit: int = 15) -> list[BuildJson]:
        return cast("list[BuildJson]", self._get(_path("apps", app, "builds", limit=limit)))

    def newest_build(self, app: str) -> BuildJson:
        return cast("BuildJson", self._get(_path("apps", app, "builds", "newest")))

    def build(self, build_id: int) -> BuildJson:
        return cast("BuildJson", self._get(_path("builds", build_id)))

    def cancel_build(self, build_id: int) -> BuildJson:
        """Conflict where it has ended, or is being deployed."""
        return cast("BuildJson", self._call("POST", _path("builds", build_id, "cancel")))

    def retry_build(self, build_id: int, *, no_cache: bool = False) -> BuildJson:
        """Gives the new build."""
        return cast("BuildJson", self._call("POST", _path("builds", build_id, "retry"), {"no_cache": no_cache}))

    def retry_newest(self, app: str, *, no_cache: bool = False) -> BuildJson:
        """The same for the app's newest build that did not succeed."""
        return cast("BuildJson", self._call("POST", _path("apps", app, "builds", "retry"), {"no_cache": no_cache}))

    def output(self, build_id: int) -> Iterator[str]:
        """The build's lines from the first on, live until it ends."""
        answer = self._send("GET", _path("builds", build_id, "output"), None, None)
        if answer.status >= 400:
            raise error_of(answer.status, answer.read(_ANSWER_LIMIT), self.url)
        try:
            for line in answer:
                yield line.decode(errors="replace").rstrip("\n")
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(
                f"the output of build {build_id} was cut; the build goes on",
                hint=f"laambda builds:output {build_id}",
            ) from error

    def finish(self, build_id: int) -> BuildJson:
        """Wait for the build's end. Raises BuildFailed, Conflict (cancelled, superseded) or PlatformError."""
        for _ in self.output(build_id):
            pass
        return succeeded(self.build(build_id))

    # ------------------------------------------------------------ the wire

    def close(self) -> None:
        """Give the connection up; the next call makes a new one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _get(self, path: str) -> Any:
        return self._call("GET", path)

    def _call(self, method: str, path: str, body: object = None, *, timeout: float | None = None) -> Any:
        answer = self._send(method, path, body, timeout or self._timeout)
        try:
            text = answer.read(_ANSWER_LIMIT)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._away(error) from error
        if answer.status >= 400:
            raise error_of(answer.status, text, self.url)
        try:
            return json.loads(text)
        except ValueError:
            raise PlatformError(f"{self.url} does not answer as laambda's API", hint="Check LAAMBDA_API_URL") from None

    def _send(self, method: str, path: str, body: object, timeout: float | None) -> http.client.HTTPResponse:
        """``timeout`` None waits for as long as the connection stands."""
        sent = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        try:
            connection = self._connected(timeout)
            connection.request(method, self._parts.path.rstrip("/") + path, sent, headers)
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._away(error) from error

    def _connected(self, timeout: float | None) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._parts.scheme == "https" else http.client.HTTPConnection
            self._connection = kind(cast("str", self._parts.hostname), self._parts.port, timeout=self._timeout)
            self._connection.connect()
        if self._connection.sock is not None:
            self._connection.sock.settimeout(timeout)
        return self._connection

    def _away(self, error: Exception) -> Unavailable:
        if isinstance(error, ConnectionRefusedError):
            return Unavailable(
                f"nothing listens at {self.url}", hint="Start a farm with `laambda up`, or set LAAMBDA_API_URL"
            )
        if isinstance(error, TimeoutError):
            return Unavailable(f"{self.url} did not answer in time", hint="Try again")
        return Unavailable(
            f"no answer from {self.url}: {str(error) or type(error).__name__}", hint="Check LAAMBDA_API_URL"
        )


def succeeded(build: BuildJson) -> BuildJson:
    """``build`` itself where it succeeded, else the error that its end is."""
    state, hint = build["state"], f"laambda builds:output {build['id']}"
    if state == "succeeded":
        return build
    message = build["error"] or f"build {build['id']} is {state}"
    if state == "failed":
        raise BuildFailed(message, hint=hint)
    if state in ("cancelled", "superseded"):
        raise Conflict(message, hint=hint)
    raise PlatformError(message, hint=hint)


def _path(*parts: object, **query: object) -> str:
    path = "/v1/" + "/".join(quote(str(part), safe="@") for part in parts)
    given = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def error_of(status: int, text: bytes, url: str) -> LaambdaError:
    """The error that a problem details object tells; any other body is not laambda's, and is not shown."""
    try:
        problem = json.loads(text)
        kind = _ERRORS[problem["type"].removeprefix(PROBLEM_PREFIX)]
        return kind(str(problem["detail"]), hint=str(problem.get("hint", "")))
    except (ValueError, KeyError, TypeError, AttributeError):
        return PlatformError(f"{url} answered {status}, but not as laambda's API", hint="Check LAAMBDA_API_URL")
