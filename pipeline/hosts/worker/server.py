"""A host of a handler whose events are pushed by HTTP, for Cloud Run, GPU clouds and the like.

    POST /         an event (see ``pushed``): 200 with the handler's answer
    GET  /health   200 when the handler is loaded, 503 when it is not

SageMaker uses ``/invocations`` and ``/ping`` for them, RunPod's load balancer ``/ping``.

It runs one job at a time. Meanwhile, other events get 429 with ``Retry-After``, so that the host
sends them to another instance. A failure that a retry may fix gets a status that senders retry. A
job continues when its sender disconnects; a retry by the sender finds the run claimed, and later
done.

Events need the token of the setting ``push_token``. Without that setting all clients are accepted,
and the host has to control access. Pages in browsers may not send events, so requests with an
``Origin`` are rejected. ``/health`` is open to all.
"""

import asyncio
import hmac
import http
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pipeline.core.errors import BadInput
from pipeline.core.problem import MEDIA_TYPE, details
from pipeline.core.settings import Settings
from pipeline.hosts.worker.jobs import Done, Jobs

log = logging.getLogger(__name__)

_LARGEST = 1 << 20  # bytes; the limit of SQS and EventBridge
_AGAIN_S = 30


class PushHost:
    """The HTTP server of one function's events.

    Args:
        settings: settings of the installation.
        jobs: the child that does them.
    """

    def __init__(self, settings: Settings, jobs: Jobs) -> None:
        self._settings = settings
        self._jobs = jobs
        self._stopping = False

    def app(self) -> Starlette:
        """Return the ASGI app; the child runs for the app's lifespan."""
        routes = [
            *(Route(path, self._post, methods=["POST"]) for path in ("/", "/invocations")),
            *(Route(path, self._health, methods=["GET"]) for path in ("/health", "/ping")),
        ]
        return Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _unknown_route, Exception: _unexpected},
        )

    def stop(self, grace_s: float) -> None:
        """Accept no more events; stop a job that still runs after ``grace_s`` seconds."""
        self._stopping = True
        timer = threading.Timer(grace_s, self._jobs.runtime.cut)
        timer.daemon = True
        timer.start()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._jobs.start()
        yield
        self._jobs.close()

    async def _health(self, _request: Request) -> JSONResponse:
        if self._jobs.trouble:
            return _problem(503, "not_loaded", self._jobs.trouble)
        if self._jobs.busy and self._jobs.runtime.hung:
            return _problem(503, "hung", "Its job cannot be ended: replace this instance.")
        health = {"status": "ok", "function": self._jobs.name, "busy": self._jobs.busy}
        return JSONResponse(health, headers={"Cache-Control": "no-store"})

    async def _post(self, request: Request) -> JSONResponse:
        if rejected := _from_a_page(request) or self._unauthorized(request) or self._unavailable():
            return rejected
        try:
            body = await _body(request)
        except ClientDisconnect:
            return _problem(400, "cut_off", "The client disconnected during the request.")
        if body is None:
            return _problem(413, "too_large", f"An event has at most {_LARGEST:,} bytes.")
        try:
            pushed = self._jobs.read(body, request.headers)
        except BadInput as error:
            return _problem(400, error.code, error.message)
        # Another request may have been accepted while this one was read.
        if rejected := self._unavailable():
            return rejected
        outcome = await asyncio.wrap_future(self._jobs.submit(pushed))
        if isinstance(outcome, Done):
            return JSONResponse(outcome.payload)
        return _problem(outcome.status, outcome.code, outcome.detail)

    def _unauthorized(self, request: Request) -> JSONResponse | None:
        if not (token := self._settings.push_token):
            return None
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        # Starlette decodes headers as Latin-1.
        wanted, given_bytes = token.get_secret_value().encode(), given.strip().encode("latin-1")
        if scheme.lower() == "bearer" and hmac.compare_digest(given_bytes, wanted):
            return None
        detail = 'Events need this host\'s token: "Authorization: Bearer TOKEN".'
        return _problem(401, "unauthorized", detail)

    def _unavailable(self) -> JSONResponse | None:
        if self._stopping:
            return _problem(503, "stopping", "This instance is being stopped; try another.")
        if self._jobs.busy:
            return _problem(429, "busy", "This instance runs one job at a time and has one.")
        return None


def _from_a_page(request: Request) -> JSONResponse | None:
    """Reject requests of pages: only browsers send an ``Origin``."""
    if "Origin" not in request.headers:
        return None
    return _problem(403, "foreign_origin", "Events are not accepted from pages.")


async def _body(request: Request) -> bytes | None:
    """Return the request's body; None if more than ``_LARGEST`` bytes arrive."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST:
            return None
    return body


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    """Return an error in the form of RFC 9457."""
    headers = {}
    if status in {429, 503}:
        headers["Retry-After"] = str(_AGAIN_S)
    if status == http.HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(details(status, code, detail), status, headers, MEDIA_TYPE)


def _unknown_route(_request: Request, error: Any) -> JSONResponse:
    answer = _problem(error.status_code, "unknown_route", "Send events by POST to /.")
    answer.headers.update(error.headers or {})
    return answer


def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    detail = "An internal error occurred. The server's log has the details."
    return _problem(500, "unexpected", detail)


class _Server(uvicorn.Server):
    """A Uvicorn server that on SIGTERM stops listening and waits for the running request."""

    def __init__(self, config: uvicorn.Config, host: PushHost, grace_s: float) -> None:
        super().__init__(config)
        self._host = host
        self._grace_s = grace_s

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._host.stop(self._grace_s)
        super().handle_exit(sig, frame)


def serve(settings: Settings, jobs: Jobs, port: int, *, grace_s: float) -> None:
    """Serve a function's events on all addresses until SIGTERM.

    Args:
        settings: settings of the installation.
        jobs: the child that does them.
        port: the port to listen on; 0 for a free one.
        grace_s: seconds that a running job gets to end.
    """
    if not settings.push_token:
        log.warning(
            "anyone who can reach port %d can have videos processed: set VIDEODROP_PUSH_TOKEN, "
            "unless this host controls access",
            port,
        )
    host = PushHost(settings, jobs)
    config = uvicorn.Config(
        host.app(),
        host="0.0.0.0",  # noqa: S104 - a container's own network; the host controls access
        port=port,
        lifespan="on",
        log_config=None,
        access_log=False,
    )
    _Server(config, host, grace_s).run()
