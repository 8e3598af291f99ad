"""Errors as problem details (RFC 9457), and nothing of what was sent in them: a body may hold a secret.

``type`` is a URN that the client turns back into the same error; ``hint`` is an extension member.
"""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

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


class Unauthorised(NotAllowed):
    """No token, or one that nobody knows. Only the API knows this error: behind it somebody always acts."""


MEDIA_TYPE = "application/problem+json"
PREFIX = "urn:laambda:problem:"

_log = logging.getLogger(__name__)
_KINDS: tuple[tuple[type[LaambdaError], HTTPStatus, str], ...] = (
    (Unauthorised, HTTPStatus.UNAUTHORIZED, "unauthorised"),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input"),
    (NotFound, HTTPStatus.NOT_FOUND, "not-found"),
    (Conflict, HTTPStatus.CONFLICT, "conflict"),
    (NotAllowed, HTTPStatus.FORBIDDEN, "not-allowed"),
    (BuildFailed, HTTPStatus.UNPROCESSABLE_ENTITY, "build-failed"),
    (UserError, HTTPStatus.BAD_REQUEST, "refused"),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable"),
    (PlatformError, HTTPStatus.INTERNAL_SERVER_ERROR, "platform"),
)


class Problem(BaseModel):
    """A problem details object, RFC 9457."""

    type: str = Field(examples=[PREFIX + "not-found"])
    title: str = Field(description="The kind of problem, the same for all of its type")
    status: int
    detail: str = Field(description="What is wrong this time")
    hint: str = Field(description="The command or change that mends it, or empty")


RESPONSES: dict[int | str, dict[str, object]] = {
    "4XX": {"model": Problem, "description": "Theirs: not found, not allowed, refused, invalid"},
    "5XX": {"model": Problem, "description": "Ours: try again, or look at the farm's log"},
}
"""What every route may answer instead."""


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem."""
    app.exception_handler(LaambdaError)(_ours)
    app.exception_handler(RequestValidationError)(_invalid)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_unexpected)


def problem_of(error: LaambdaError) -> Problem:
    """The problem that tells ``error``."""
    for kind, status, slug in _KINDS:
        if isinstance(error, kind):
            return _problem(status, slug, error.message, error.hint)
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "platform", error.message, error.hint)


def respond(problem: Problem) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else None
    return JSONResponse(problem.model_dump(), problem.status, headers, MEDIA_TYPE)


def too_large(limit: int) -> JSONResponse:
    """For a body past ``limit`` bytes."""
    detail = f"the request's body is larger than {limit} bytes"
    return respond(_problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "invalid-input", detail))


def _ours(_: Request, error: LaambdaError) -> JSONResponse:
    if not isinstance(error, UserError):
        _log.error("%s: %s", type(error).__name__, error, exc_info=error)
    return respond(problem_of(error))


def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
    """Where and which rule, never the value."""
    parts = (f"{'.'.join(map(str, one['loc']))[:200]}: {one['msg'][:200]}" for one in error.errors()[:5])
    return respond(_problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", "; ".join(parts)))


def _http(_: Request, error: HTTPException) -> JSONResponse:
    """What the framework refuses by itself: no such route, wrong method, a body that is no JSON."""
    slug = "not-found" if error.status_code == HTTPStatus.NOT_FOUND else "refused"
    detail = "there is no such address" if slug == "not-found" else HTTPStatus(error.status_code).phrase.lower()
    return respond(_problem(HTTPStatus(error.status_code), slug, detail))


def _unexpected(_: Request, __: Exception) -> JSONResponse:
    """A bug of ours: the server logs it, the caller learns nothing of the inside."""
    detail = "something unexpected happened inside laambda"
    hint = "The farm's log says what; try again or tell its operator"
    return respond(_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "platform", detail, hint))


def _problem(status: HTTPStatus, slug: str, detail: str, hint: str = "") -> Problem:
    return Problem(type=PREFIX + slug, title=status.phrase, status=status, detail=detail, hint=hint)
