"""Files and parts of uploads, handed on between clients and an S3 that only this machine reaches.

So a page, a phone and a television need one address, also behind a proxy. Each request has S3's own
signature in its address, which S3 checks: players and other devices need no token. Bodies are
streamed in both directions.

What uploaders sent comes from the page's own origin here. So nothing of it may run: media are
shown, anything else is downloaded.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse

from anyio import CapacityLimiter, from_thread, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.api.head import ASKED
from pipeline.api.problems import RETRY_AFTER, Problem, answer
from pipeline.aws.relayed import PATH, Store
from pipeline.core.errors import Unreachable

_CHUNK_BYTES = 1 << 20
_PARTS_AT_ONCE = 32  # each holds a thread until its client has sent it
_ASKED = {
    "GET": (
        *("If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since"),
        "Range",
    ),
    "PUT": ("Content-Length", "Content-MD5"),
}
_ANSWERED = (
    *("Accept-Ranges", "Cache-Control", "Content-Disposition", "Content-Length"),
    *("Content-Range", "ETag", "Last-Modified"),
)
# The types that a browser shows without running anything in them, unlike SVG and HTML.
_SHOWN = re.compile(
    r"(video|audio)/[\w.+-]+|image/(jpeg|png|webp|avif|gif)|text/(vtt|plain)(;\s*charset=[\w-]+)?"
    r"|application/(json|vnd\.apple\.mpegurl)"
)
# A browser shows a file that is opened by itself in a page that it makes.
_POLICY = (
    "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; "
    "frame-ancestors 'none'"
)
# Chromium's cache of a private window keeps ranges in blocks of 4 KiB, and may lose one of them. It
# then ends the answer to a range at the end of that block, and hls.js cannot append the segment.
_UNCACHED = "no-store"
_BYTES = "application/octet-stream"
_GOOD = {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.NOT_MODIFIED}


class Relay:
    """A middleware that hands requests below ``/files`` on to S3.

    Args:
        app: the next ASGI app, which answers all other requests.
        store: returns S3; None if clients reach it themselves.
    """

    def __init__(self, app: ASGIApp, store: Callable[[], Store | None]) -> None:
        self._app = app
        self._store = store
        self._limiter = CapacityLimiter(_PARTS_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI connection."""
        ours = scope["type"] == "http" and scope["path"].startswith(f"{PATH}/")
        store = self._store() if ours else None
        if store is None:
            await self._app(scope, receive, send)
            return
        scope["route"] = _ROUTE  # for the metrics
        request = Request(scope, receive)
        try:
            response = await self._answer(request, store)
        except Problem as problem:
            response = answer(request, problem)
        except Unreachable:
            response = answer(request, _unavailable())
        await response(scope, receive, send)

    async def _answer(self, request: Request, store: Store) -> Response:
        target = _target(request.scope)
        if request.method not in _ASKED:
            allow = {"Allow": "GET, HEAD, PUT"}
            raise Problem(405, "method_not_allowed", "Files are read or sent.", headers=allow)
        if not store.has(target):
            raise _refusal(HTTPStatus.NOT_FOUND)
        asked = _ASKED[request.method]
        headers = {name: request.headers[name] for name in asked if name in request.headers}
        if request.method == "PUT":
            if "Content-Length" not in headers:
                raise Problem(411, "no_length", "Send the number of bytes as `Content-Length`.")
            sent = partial(store.send, "PUT", target, headers, _pieces(request.receive))
            found = await to_thread.run_sync(sent, limiter=self._limiter)
        else:
            found = await to_thread.run_sync(store.send, "GET", target, headers)
        if found.status not in _GOOD:
            found.close()
            raise _refusal(found.status, found.headers.get("Content-Range"))
        # S3's signature is for one method, so HEAD is a GET there, too, whose body is left unread.
        bare = request.method == "PUT" or ASKED in request.scope
        if not bare and found.status != HTTPStatus.NOT_MODIFIED:
            return StreamingResponse(_chunks(found), found.status, _headers(found))
        found.close()
        return Response(None, found.status, _headers(found))


_ROUTE = Route(f"{PATH}/{{key:path}}", Relay)


def _target(scope: Scope) -> str:
    """Return the request target at S3: percent-encoded as it was sent, without our prefix."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return f"{path.decode('latin-1').removeprefix(PATH)}?{query.decode('latin-1')}"


def _pieces(receive: Receive) -> Iterator[bytes]:
    """Yield a request's body in a thread.

    Raises:
        ConnectionError: the client is gone.
    """

    async def next_message() -> Message:
        return await receive()

    more = True
    while more:
        message = from_thread.run(next_message)
        if message["type"] == "http.disconnect":
            raise ConnectionError
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _chunks(found: HTTPResponse) -> AsyncIterator[bytes]:
    """Yield a response's body; close it at the end, or as soon as the client is gone."""
    try:
        while chunk := await to_thread.run_sync(found.read, _CHUNK_BYTES):
            yield chunk
    finally:
        found.close()


def _headers(found: HTTPResponse) -> dict[str, str]:
    headers = {name: found.headers[name] for name in _ANSWERED if name in found.headers}
    if found.status == HTTPStatus.PARTIAL_CONTENT:
        headers["Cache-Control"] = _UNCACHED
    kind = found.headers.get("Content-Type")
    if kind is None:  # there is no body
        return headers
    if _SHOWN.fullmatch(kind.lower()):
        return headers | {"Content-Type": kind, "Content-Security-Policy": _POLICY}
    return {"Content-Disposition": "attachment"} | headers | {"Content-Type": _BYTES}


def _refusal(status: int, range_: str | None = None) -> Problem:
    """Return the problem that a status of S3 means."""
    match status:
        case HTTPStatus.FORBIDDEN | HTTPStatus.BAD_REQUEST:
            detail = "This address is not signed, or has expired. Ask the API for it again."
            return Problem(403, "not_signed", detail)
        case HTTPStatus.NOT_FOUND:
            detail = "There is no such file or upload. Ask the API for its address again."
            return Problem(404, "unknown_file", detail)
        case HTTPStatus.PRECONDITION_FAILED:
            return Problem(412, "precondition_failed", "The file is another one than requested.")
        case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            headers = {"Content-Range": range_} if range_ else {}
            return Problem(416, "bad_range", "The file has no such bytes.", headers=headers)
    return _unavailable()


def _unavailable() -> Problem:
    detail = "The file store could not be reached. Try again in a moment."
    return Problem(503, "service_unavailable", detail, headers=RETRY_AFTER)
