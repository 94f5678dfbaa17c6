"""A host of a handler whose events are pushed by HTTP, for Cloud Run, GPU clouds and the like.

    POST /         an event (see ``pushed``): 200 with the handler's answer
    GET  /health   200 when the handler is loaded, 503 when it is not

It runs one job at a time. Meanwhile, other events get 429 with ``Retry-After``, so that the host
sends them to another instance. A job has the function's own deadline and memory limit. A failure
that a retry may fix gets a status that senders retry. A job continues when its sender disconnects;
a retry by the sender finds the run claimed, and later done.

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
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from pipeline.aws import clients as aws
from pipeline.core import events
from pipeline.core.errors import BadInput
from pipeline.core.problem import MEDIA_TYPE, details
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, REPLAYS
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.host import abandon
from pipeline.hosts.worker.lane import Record, failures
from pipeline.hosts.worker.pushed import Pushed, read
from pipeline.hosts.worker.runtime import Failed, Kind, Runtime

log = logging.getLogger(__name__)

_LARGEST = 1 << 20  # bytes; the limit of SQS and EventBridge
_AGAIN_S = 30
_STATUS: dict[Kind, int] = {
    "error": 500,
    "crashed": 500,
    "out_of_memory": 500,
    "init_error": 503,
    "stopped": 503,
    "timeout": 504,
}


class PushHost:
    """One child of one function, and the HTTP server of its events.

    Args:
        settings: settings of the installation.
        function: the function to host.
    """

    def __init__(self, settings: Settings, function: Function) -> None:
        self._settings = settings
        self._function = function
        region = aws.region()
        self._runtime = Runtime(function, function.arn(settings.names.prefix, region), region)
        # One permanent thread: a child ends with the thread that started it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=function.name)
        self._busy = False
        self._stopping = False
        self._trouble: str | None = "It is being loaded."

    def app(self) -> Starlette:
        """Return the ASGI app; the child runs for the app's lifespan."""
        routes = [
            Route("/", self._post, methods=["POST"]),
            Route("/health", self._health, methods=["GET"]),
        ]
        return Starlette(
            routes=routes,
            lifespan=self._lifespan,
            exception_handlers={HTTPException: _unknown_route, Exception: _unexpected},
        )

    def stop(self, grace_s: float) -> None:
        """Accept no more events; stop a job that still runs after ``grace_s`` seconds."""
        self._stopping = True
        timer = threading.Timer(grace_s, self._runtime.cut)
        timer.daemon = True
        timer.start()

    @asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        self._thread.submit(self._load)
        yield
        self._runtime.cut()  # also ends a child that is being loaded
        self._thread.submit(self._runtime.close)
        self._thread.shutdown()

    def _load(self) -> None:
        failed = self._runtime.start()
        self._trouble = failed.message if failed else None
        if failed:
            log.error("%s: %s", self._function.name, failed.message)

    async def _health(self, _request: Request) -> JSONResponse:
        if self._trouble:
            return _problem(503, "not_loaded", self._trouble)
        if self._busy and self._runtime.hung:
            return _problem(503, "hung", "Its job cannot be ended: replace this instance.")
        health = {"status": "ok", "function": self._function.name, "busy": self._busy}
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
            pushed = read(body, request.headers, self._function.name)
            self._check(pushed)
        except BadInput as error:
            return _problem(400, error.code, error.message)
        # Another request may have been accepted while this one was read.
        if rejected := self._unavailable():
            return rejected
        self._busy = True
        self._runtime.look()
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._thread, self._handle, pushed)
        finally:
            self._busy = False

    def _check(self, pushed: Pushed) -> None:
        """Check that no event is about an object of another installation.

        Messages in a batch end in their dead-letter queue instead, one by one.

        Raises:
            BadInput: ``foreign_object``.
        """
        if not pushed.batch and self._function.name not in (REPLAYS, EVENTS):
            for record in pushed.records:
                self._settings.check_place(events.parse(record["body"]))

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
        if self._busy:
            return _problem(429, "busy", "This instance runs one job at a time and has one.")
        return None

    def _handle(self, pushed: Pushed) -> JSONResponse:
        outcome = self._runtime.invoke(pushed.event)
        self._trouble = None
        if isinstance(outcome, Failed):
            return self._failed(pushed, outcome)
        ids = {record["messageId"] for record in pushed.records}
        if not pushed.batch and failures(outcome.payload, ids):
            return _problem(503, "again", "It failed temporarily; send it again.")
        return JSONResponse(outcome.payload)

    def _failed(self, pushed: Pushed, outcome: Failed) -> JSONResponse:
        log.error("%s: %s: %s", self._function.name, outcome.kind, outcome.message)
        if outcome.kind == "init_error":
            self._trouble = outcome.message
        killed = outcome.kind not in {"error", "init_error"}
        over = [self._is_over(record, outcome) for record in pushed.records if killed]
        if over and all(over):
            return JSONResponse({"batchItemFailures": []})
        return _problem(_STATUS[outcome.kind], outcome.kind, outcome.message)

    def _is_over(self, record: Record, outcome: Failed) -> bool:
        try:
            return abandon(self._settings, self._function, record, outcome.kind, outcome.message)
        except Exception:
            log.exception("the failure could not be recorded: the event must be sent again")
            return False


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


def serve(settings: Settings, function: Function, port: int, *, grace_s: float = 8.0) -> None:
    """Serve ``function`` on all addresses until SIGTERM.

    Args:
        settings: settings of the installation.
        function: the function to host.
        port: the port to listen on; 0 for a free one.
        grace_s: seconds that a running job gets to end; Cloud Run kills after 10 s.
    """
    if not settings.push_token:
        log.warning(
            "anyone who can reach port %d can have videos processed: set VIDEODROP_PUSH_TOKEN, "
            "unless this host controls access",
            port,
        )
    host = PushHost(settings, function)
    config = uvicorn.Config(
        host.app(),
        host="0.0.0.0",  # noqa: S104 - a container's own network; the host controls access
        port=port,
        lifespan="on",
        log_config=None,
        access_log=False,
    )
    _Server(config, host, grace_s).run()
