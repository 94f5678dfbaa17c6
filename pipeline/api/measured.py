"""Measurement of requests, and ids of requests for the response and the log lines.

On Lambda the id is that of API Gateway, which its access log has, too. Elsewhere a client may send
one in ``X-Request-ID``, if it is short and plain.
"""

import re
import time
import uuid
from http import HTTPMethod

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.api.headers import REQUEST_ID
from pipeline.telemetry import metrics, names
from pipeline.telemetry.context import about

_PLAIN = re.compile(r"[\w.=-]{1,100}", re.ASCII)


class Measured:
    """A middleware that measures requests and adds their ids to log lines and responses."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        # An unexpected error is answered outside all middleware, with this status.
        status = 500
        request_id = scope.setdefault("state", {})["request_id"] = _request_id(scope)

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[REQUEST_ID] = request_id
            await send(message)

        with about(correlation_id=request_id):
            try:
                await self._app(scope, receive, noted)
            finally:
                metrics.record(
                    names.HTTP_REQUESTS,
                    time.monotonic() - started,
                    method=_method(scope),
                    route=_route(scope),
                    status=str(status),
                )


def _request_id(scope: Scope) -> str:
    context = scope.get("aws.event", {}).get("requestContext", {})
    given = context.get("requestId") or Headers(scope=scope).get(REQUEST_ID, "")
    return given if _PLAIN.fullmatch(given) else uuid.uuid4().hex


def _method(scope: Scope) -> str:
    """Return the method; unknown ones are summed, so that clients cannot create metrics."""
    return scope["method"] if scope["method"] in HTTPMethod.__members__ else "other"


def _route(scope: Scope) -> str:
    """Return the route's path in OpenAPI, without ids, so that clients cannot create metrics."""
    return getattr(scope.get("route"), "path", "none")
