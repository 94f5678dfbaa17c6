"""The checks that every request passes before it reaches the embedded AWS.

    Host        is a name of this machine; this rejects pages that use DNS rebinding. Beyond
                loopback: an IP address, or one of the names in ``VIDEODROP_HOSTS``
    Origin      is of this machine or of the configured list; others get no CORS headers. Its pages
                read files and send parts of uploads, by addresses that the API signed
    signature   is made with this installation's own credentials
    service     is one that the stack uses; moto's own API (``/moto-api``) is not served

Form uploads (POST to a bucket) carry no signature in headers or address, so they are rejected.
"""

import json
import tempfile
from collections.abc import Callable, Collection, Iterable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from moto.moto_server.werkzeug_app import (
    BackendRequest,
    DomainDispatcherApplication,
    create_backend_app,
)

from pipeline.core.trusted_hosts import is_trusted
from pipeline.hosts.local.signature import Keys, verify
from pipeline.hosts.local.signed_request import Rejected, Request

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

SERVICES = frozenset({"dynamodb", "events", "s3", "sqs"})
_IN_MEMORY_BYTES = 1 << 20
_ENDLESS = 1 << 62
_EXPOSED = "Accept-Ranges, Content-Length, Content-Range, ETag"


def dispatcher(services: Collection[str] = SERVICES) -> App:
    """Return moto's server, reduced to ``services``."""

    def create(backend: Any) -> Any:
        if backend not in services:
            return _not_served
        app = create_backend_app(backend)
        if backend == "s3":
            app.request_class = _S3Request
        return app

    return cast("App", _Dispatcher(create))


class _Dispatcher(DomainDispatcherApplication):
    """moto's dispatcher, which takes every presigned request to S3.

    moto looks for another service's name in the path and, if the type is a form's, in the body.
    """

    def infer_service_region_host(self, environ: Environ, path: str) -> str | None:
        if not environ.get("HTTP_AUTHORIZATION"):
            return None  # moto's default: S3
        return super().infer_service_region_host(environ, path)


class _S3Request(BackendRequest):
    """A request to S3, whose body is an object's even if its type is a form's.

    moto would parse the form and store an empty object. ``curl --data-binary`` sends every file
    with that type.
    """

    want_form_data_parsed = False


def guarded(
    app: App,
    keys: Keys,
    origins: Collection[str] = (),
    *,
    names: Collection[str] | None = None,
) -> App:
    """Return ``app`` behind all checks; it finds a request's whole body in ``wsgi.input``.

    Args:
        app: called with requests that passed; may raise ``Rejected`` before it answers.
        keys: the only credentials accepted.
        origins: further origins whose pages may read, in the form that browsers send.
        names: host names at which it answers beyond loopback; None for loopback only.
    """
    loopback_only = names is None

    def enter(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST")
        if not is_trusted(host, names or (), loopback_only=loopback_only):
            where = "loopback addresses only" if loopback_only else "the names in VIDEODROP_HOSTS"
            return _forbid(environ, start_response, f"It answers at {where}.")
        origin = environ.get("HTTP_ORIGIN")
        if origin is not None and not _may_read(origin, origins):
            return _forbid(environ, start_response, "Pages of other sites may not use it.")
        respond = _with_cors(start_response, origin)
        if origin is not None and environ["REQUEST_METHOD"] == "OPTIONS":
            respond("204 No Content", [])
            return []
        request = _request(environ)
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as spool:
            receive = partial(_receive, environ, cast("BinaryIO", spool))
            try:
                environ["wsgi.input"] = verify(request, receive, keys)
                return app(environ, respond)
            except Rejected as rejected:
                return _reject(environ, respond, rejected)

    return enter


def _may_read(origin: str, origins: Collection[str]) -> bool:
    """Return whether ``origin`` is of this machine or one of ``origins``."""
    if origin in origins:
        return True
    try:
        url = urlsplit(origin)
    except ValueError:
        return False
    return url.scheme in {"http", "https"} and is_trusted(url.netloc, (), loopback_only=True)


def _with_cors(start_response: StartResponse, origin: str | None) -> StartResponse:
    """Return ``start_response`` with CORS headers for ``origin`` instead of moto's for all."""
    allowed = [("Vary", "Origin")]
    if origin is not None:
        allowed += [
            ("Access-Control-Allow-Origin", origin),
            ("Access-Control-Allow-Methods", "GET, HEAD, PUT"),
            ("Access-Control-Allow-Headers", "Range"),
            ("Access-Control-Expose-Headers", _EXPOSED),
        ]

    def respond(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        own = [(k, v) for k, v in headers if not k.lower().startswith("access-control-")]
        return start_response(status, own + allowed, *error)

    return respond


def _request(environ: Environ) -> Request:
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value.encode("latin-1")
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }
    return Request(environ["REQUEST_METHOD"], environ["RAW_URI"], headers)


def _receive(environ: Environ, body: BinaryIO, limit: int | None) -> BinaryIO:
    """Copy the request's body from the connection into ``body``, and return that at its start.

    Raises:
        Rejected: the body is cut off, malformed, or has more than ``limit`` bytes; or the disk for
            temporary files is full.
    """
    try:
        length = _length(environ)
        left = _ENDLESS if length is None else length
        source: BinaryIO = environ["wsgi.input"]
        while left and (chunk := source.read(min(left, _IN_MEMORY_BYTES))):
            _write(body, chunk)
            left -= len(chunk)
            if limit is not None and body.tell() > limit:
                raise _bad_body("RequestEntityTooLarge", f"more than {limit:,} bytes", 413)
    except (OSError, ValueError) as error:  # a chunk or a length that cannot be read
        raise _bad_body("InvalidRequest", "no valid length", 400) from error
    if length is not None and left:
        raise _bad_body("IncompleteBody", "fewer bytes than promised", 400)
    body.seek(0)
    return body


def _write(body: BinaryIO, chunk: bytes) -> None:
    try:
        body.write(chunk)
    except OSError as error:
        raise no_room(Path(tempfile.gettempdir()), error) from error


def no_room(folder: Path, error: OSError) -> Rejected:
    """Return the rejection of a request that cannot be stored in a folder."""
    return Rejected(
        "SlowDown",
        "ServiceUnavailable",
        f"{folder} cannot be written to ({error.strerror}). Free some space on that disk, and send "
        "the request again.",
        HTTPStatus.SERVICE_UNAVAILABLE,
    )


def _length(environ: Environ) -> int | None:
    """Return the bytes of the body; None if it is chunked, because the server marks its end."""
    if environ.get("wsgi.input_terminated"):
        return None
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length < 0:
        raise ValueError("a negative length")
    return length


def _bad_body(code: str, what: str, status: int) -> Rejected:
    return Rejected(code, "SerializationException", f"The body has {what}.", HTTPStatus(status))


def _not_served(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    message = f"The embedded AWS serves {', '.join(sorted(SERVICES))} only."
    rejected = Rejected(
        "NotImplemented", "UnknownOperationException", message, HTTPStatus.NOT_FOUND
    )
    return _reject(environ, start_response, rejected)


def _forbid(environ: Environ, start_response: StartResponse, reason: str) -> Iterable[bytes]:
    message = f"This is the embedded AWS of videodrop on this machine. {reason}"
    rejected = Rejected("AccessDenied", "AccessDeniedException", message)
    return _reject(environ, start_response, rejected)


def _reject(environ: Environ, start_response: StartResponse, rejected: Rejected) -> Iterable[bytes]:
    """Send an error in the form of the requested service: JSON or XML."""
    if "HTTP_X_AMZ_TARGET" in environ:
        kind = "application/x-amz-json-1.0"
        text = json.dumps({"__type": rejected.json_code, "message": rejected.message})
    else:
        kind = "application/xml"
        code, message = escape(rejected.code), escape(rejected.message)
        text = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        )
    body = text.encode()
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(body))),
    ]
    start_response(f"{rejected.status.value} {rejected.status.phrase}", headers)
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
