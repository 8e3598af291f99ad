"""What the API takes and gives, as OpenAPI documents it. Times are UTC, ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from laambda.apps.read import AppInfo
from laambda.domain.access import SshKey
from laambda.domain.app import App
from laambda.domain.build import Build
from laambda.domain.function import Invocation
from laambda.domain.log import LogLine
from laambda.domain.release import Release, ReleasedFunction
from laambda.release.diff import ReleaseDiff

LAST_VERSION = 2**31 - 1
"""The largest vN that a row holds."""


class Taken(BaseModel):
    """A body: unknown members are refused, so that a misspelt one is not lost."""

    model_config = ConfigDict(extra="forbid")


class NewApp(Taken):
    name: str = Field(max_length=80, description="APP, or APP@ENVIRONMENT")
    role: str = Field(max_length=1024, description="ARN of the IAM role that its functions run as")


class NewKey(Taken):
    key: str = Field(max_length=8192, description="One public key as OpenSSH writes it")
    user: str | None = Field(default=None, max_length=64, description="Who pushes with it; by default the caller")


class RollbackRequest(Taken):
    version: int | None = Field(
        default=None, ge=1, le=LAST_VERSION, description="vN to come back; by default the last good one"
    )


class RetryRequest(Taken):
    no_cache: bool = Field(default=False, description="Resolve dependencies anew, and build although nothing changed")


ConfigPatch = dict[Annotated[str, Field(max_length=255)], Annotated[str, Field(max_length=65536)] | None]
"""Names to new values; null unsets. A JSON merge patch (RFC 7396)."""


class HealthModel(BaseModel):
    status: str


class FunctionModel(BaseModel):
    process: str
    name: str
    version: str = Field(description="The published Lambda version")
    runtime: str
    handler: str
    architecture: str
    memory: int = Field(description="MB")
    timeout: int = Field(description="Seconds")

    @classmethod
    def of(cls, function: ReleasedFunction) -> FunctionModel:
        settings = function.settings
        return cls(
            process=function.process,
            name=function.name,
            version=function.lambda_version,
            runtime=settings.runtime,
            handler=settings.handler,
            architecture=settings.architecture,
            memory=settings.memory,
            timeout=settings.timeout,
        )


class AppModel(BaseModel):
    app: str = Field(description="As it is addressed: APP, or APP@ENVIRONMENT")
    name: str
    environment: str
    role: str
    live: int = Field(description="vN that serves, 0 for none")
    version: int = Field(description="The last vN taken, 0 for none")
    git_url: str
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, app: App, git_url: str) -> AppModel:
        return cls(
            app=str(app.scope),
            name=app.name,
            environment=app.scope.environment,
            role=app.role,
            live=app.live,
            version=app.version,
            git_url=git_url,
            created_at=app.created_at,
            created_by=app.created_by,
        )


class AppDetail(AppModel):
    functions: list[FunctionModel]

    @classmethod
    def of_info(cls, info: AppInfo, git_url: str) -> AppDetail:
        functions = [FunctionModel.of(function) for function in info.functions]
        return cls(**AppModel.of(info.app, git_url).model_dump(), functions=functions)


class Destroyed(BaseModel):
    app: str
    functions: list[str] = Field(description="Names of the functions deleted")


class KeyModel(BaseModel):
    fingerprint: str
    user: str
    kind: str
    comment: str
    added_at: datetime

    @classmethod
    def of(cls, key: SshKey) -> KeyModel:
        return cls(
            fingerprint=key.fingerprint, user=key.user, kind=key.kind, comment=key.comment, added_at=key.added_at
        )


class ReleaseModel(BaseModel):
    version: int
    state: str
    current: bool
    kind: str
    description: str
    actor: str
    created_at: datetime
    build: int
    commit: str
    slug: str
    functions: list[FunctionModel]

    @classmethod
    def of(cls, release: Release, live: int) -> ReleaseModel:
        return cls(
            version=release.version,
            state=release.state,
            current=release.version == live,
            kind=release.kind,
            description=release.description,
            actor=release.actor,
            created_at=release.created_at,
            build=release.build_id,
            commit=release.commit,
            slug=release.slug,
            functions=[FunctionModel.of(function) for function in release.functions],
        )


class BuildModel(BaseModel):
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
    version: int | None = Field(description="vN that its deploy took")
    target_version: int | None = Field(description="vN that a rollback brings back")
    error: str
    timings: dict[str, float] = Field(description="Seconds by step")
    created_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, build: Build) -> BuildModel:
        return cls(
            id=build.id,
            app=str(build.scope),
            kind=build.kind,
            state=build.state,
            step=build.step,
            description=build.description,
            actor=build.actor,
            commit=build.commit,
            attempt=build.attempt,
            node=build.node,
            version=build.version,
            target_version=build.target_version,
            error=build.error,
            timings=dict(build.timings),
            created_at=build.created_at,
            ended_at=build.ended_at,
        )


class RollbackPreview(BaseModel):
    current: int
    version: int = Field(description="vN that would come back")
    functions: dict[str, str] = Field(description="Names of the functions that change, to +, - or ~")
    config: dict[str, str] = Field(description="Names of the config vars that change, to +, - or ~; never a value")
    lines: list[str] = Field(description="All that changes, as the command line prints it")

    @classmethod
    def of(cls, found: ReleaseDiff) -> RollbackPreview:
        return cls(
            current=found.old,
            version=found.new,
            functions={function.name: function.sign for function in found.functions},
            config=dict(found.config),
            lines=found.lines(),
        )


class ConfigChanged(BaseModel):
    build: BuildModel | None = Field(description="The build that will release it; null where it is in force already")


class InvocationModel(BaseModel):
    payload: str = Field(description="The function's answer, JSON text")
    error: str = Field(description="X-Amz-Function-Error, or empty")
    log_tail: str = Field(description="The last 4 KB that this invocation wrote")
    executed_version: str

    @classmethod
    def of(cls, answer: Invocation) -> InvocationModel:
        return cls(
            payload=answer.payload.decode(errors="replace"),
            error=answer.error,
            log_tail=answer.log_tail,
            executed_version=answer.executed_version,
        )


class LogLineModel(BaseModel):
    id: str
    at: datetime
    process: str
    function: str
    stream: str
    message: str

    @classmethod
    def of(cls, line: LogLine) -> LogLineModel:
        return cls(
            id=line.id,
            at=line.at,
            process=line.process,
            function=line.function,
            stream=line.stream,
            message=line.message,
        )
