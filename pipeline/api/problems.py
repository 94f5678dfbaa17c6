"""Errors as RFC 9457 problem details (``application/problem+json``)."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import Match

from pipeline.api.headers import REQUEST_ID, SECURITY
from pipeline.aws import clients as aws
from pipeline.core import validation
from pipeline.core.errors import Bug, VideodropError
from pipeline.core.problem import MEDIA_TYPE, details

log = logging.getLogger(__name__)

RETRY_AFTER = {"Retry-After": "5"}
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class ProblemDetails(BaseModel):
    """An error (RFC 9457)."""

    type: str = Field(examples=["urn:videodrop:problem:unknown_video"])
    title: str = Field(examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="The problem and its remedy, for a person",
        examples=["There is no video 5c1e6f0a9b3d27481f60."],
    )
    instance: str = Field(
        description="The requested path", examples=["/videos/5c1e6f0a9b3d27481f60"]
    )
    code: str = Field(
        description="The last part of `type`, for programs", examples=["unknown_video"]
    )


class Problem(Exception):
    """An error response.

    Args:
        status: HTTP status.
        code: a stable snake_case word for programs.
        detail: one or two sentences for a person.
        headers: response headers to add.
        members: further members of the problem, such as the state of stages.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the ``responses`` of a route in OpenAPI: one problem for each status."""
    return {status: {"description": HTTPStatus(status).phrase} for status in statuses}


def install(app: FastAPI) -> None:
    """Convert every error of ``app`` to a problem response."""
    app.add_exception_handler(Problem, _known)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(VideodropError, _failed)
    for error in aws.ERRORS:
        app.add_exception_handler(error, _unavailable)
    app.add_exception_handler(Exception, _unforeseen)


def answer(request: Request, problem: Problem) -> JSONResponse:
    """Return ``problem`` as a response."""
    return JSONResponse(
        {
            **details(problem.status, problem.code, problem.detail),
            "instance": quote(request.url.path, safe="/%"),
            **problem.members,
        },
        problem.status,
        # Unexpected errors are answered outside all middleware, so the headers are added here too.
        {**SECURITY, "Cache-Control": "no-store", **_named(request), **problem.headers},
        MEDIA_TYPE,
    )


def _named(request: Request) -> dict[str, str]:
    request_id = getattr(request.state, "request_id", None)
    return {REQUEST_ID: request_id} if request_id else {}


def _known(request: Request, error: Any) -> JSONResponse:
    return answer(request, error)


def _http(request: Request, error: Any) -> JSONResponse:
    match error.status_code:
        case 404:
            detail = "Nothing is at this address. /docs lists the addresses."
            problem = Problem(404, "unknown_route", detail, headers=error.headers)
        case 405:
            problem = _not_allowed(request)
        case status:
            problem = Problem(status, "http_error", str(error.detail), headers=error.headers)
    return answer(request, problem)


def _not_allowed(request: Request) -> Problem:
    """List all methods of an address; the framework lists those of its first route only."""
    allowed = [
        method
        for method in _METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ] or ["GET"]
    heads = ["HEAD"] if "GET" in allowed else []
    return Problem(
        405,
        "method_not_allowed",
        f"This address supports only {' and '.join(allowed)}.",
        headers={"Allow": ", ".join([*allowed, *heads])},
    )


def _invalid(request: Request, error: Any) -> JSONResponse:
    wrong = [
        {
            "in": str(e["loc"][0]),
            "name": ".".join(map(str, e["loc"][1:] or e["loc"])),
            "detail": validation.message(e),
        }
        for e in error.errors()
    ]
    detail = "; ".join(f"{one['name']}: {one['detail']}" for one in wrong)
    return answer(request, Problem(422, "invalid_request", f"{detail}.", members={"errors": wrong}))


def _failed(request: Request, error: Any) -> JSONResponse:
    if error.http_status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer(request, Problem(error.http_status, error.code, error.message))
    return _unavailable(request, error) if error.retryable else _unforeseen(request, error)


def _unavailable(request: Request, error: Any) -> JSONResponse:
    log.warning("%s %s: %s", request.method, request.url.path, error)
    detail = "The catalog or the file store could not be reached. Try again in a moment."
    return answer(request, Problem(503, "service_unavailable", detail, headers=RETRY_AFTER))


def _unforeseen(request: Request, error: Any) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    detail = "An unexpected error occurred. The server's log has the details."
    bug = Bug("unexpected", detail)
    return answer(request, Problem(bug.http_status, bug.code, bug.message))
