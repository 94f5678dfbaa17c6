"""Doors between a worker and the services of AWS: requests are held, reset, delayed or cut."""

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

_NOT_PASSED = {"expect", "connection"}


class Request(NamedTuple):
    """A request at a door."""

    method: str
    path: str
    operation: str  # of DynamoDB, SQS and EventBridge
    body: bytes


class Answer(NamedTuple):
    """The answer of the service."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Reset(Exception):
    """The end of a connection without an answer."""


Match = Callable[[Request], bool]


def every(_: Request) -> bool:
    """Return True for each request."""
    return True


class Fault:
    """A disturbance of the requests that match; this one disturbs none."""

    def __init__(self, match: Match = every) -> None:
        self.match = match

    def before(self, request: Request) -> Answer | None:
        """Return an answer in place of the service's."""

    def after(self, answer: Answer, send: Callable[[Answer], None]) -> None:
        """Send the answer of the service."""
        send(answer)


class Away(Fault):
    """A service that cannot be reached."""

    def before(self, request: Request) -> None:
        del request
        raise Reset


class Busy(Fault):
    """A service that answers each ``nth`` request with an error."""

    def __init__(self, status: int, code: str, nth: int = 1) -> None:
        super().__init__()
        self._status, self._code, self._nth = status, code, nth
        self._asked = 0

    def before(self, request: Request) -> Answer | None:
        self._asked += 1
        if self._asked % self._nth:
            return None
        if request.operation:
            text = json.dumps({"__type": self._code, "message": "busy"})
        else:
            text = f"<Error><Code>{self._code}</Code><Message>busy</Message></Error>"
        return Answer(self._status, [], text.encode())


class Slow(Fault):
    """A service with a latency."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    def before(self, request: Request) -> None:
        del request
        time.sleep(self._seconds)


class Cut(Fault):
    """A service whose first ``times`` answers break off after half of their body.

    With ``share`` 0 nothing is answered, although the request was carried out.
    """

    def __init__(self, match: Match, times: int, share: float = 0.5) -> None:
        super().__init__(match)
        self._left, self._share = times, share

    def after(self, answer: Answer, send: Callable[[Answer], None]) -> None:
        self._left -= 1
        if self._left < 0:
            send(answer)
        elif self._share:
            send(answer._replace(body=answer.body[: int(len(answer.body) * self._share)]))
        raise Reset


class Hold(Fault):
    """The first request that matches waits, before or after the service carried it out."""

    def __init__(self, match: Match, *, late: bool) -> None:
        super().__init__(match)
        self.reached = threading.Event()
        self.released = threading.Event()
        self.dropped = False  # who sent it is dead: it never left
        self._late = late

    def before(self, request: Request) -> None:
        del request
        if not self._late:
            self._wait()
        if self.dropped:
            self.dropped = False
            raise Reset

    def after(self, answer: Answer, send: Callable[[Answer], None]) -> None:
        if self._late:
            self._wait()
        send(answer)

    def _wait(self) -> None:
        if not self.reached.is_set():
            self.reached.set()
            self.released.wait()


class Door:
    """A server that passes requests to a service, with their headers as they are."""

    def __init__(self, service: str) -> None:
        self.fault = Fault()
        self._service = urlsplit(service).netloc
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @contextmanager
    def disturbed(self, fault: Fault) -> Iterator[None]:
        """Disturb requests while the block lasts."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = Fault()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def passed(self, request: Request, headers: list[tuple[str, str]]) -> Answer:
        """Return the answer of the service."""
        service = http.client.HTTPConnection(self._service, timeout=60)
        with contextlib.closing(service):
            try:
                service.putrequest(
                    request.method, request.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in headers:
                    if name.lower() not in _NOT_PASSED:
                        service.putheader(name, value)
                service.endheaders(request.body)
                found = service.getresponse()
                return Answer(found.status, found.getheaders(), found.read())
            except (OSError, http.client.HTTPException) as error:
                raise Reset from error


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            with contextlib.suppress(OSError):
                super().handle()

        def pass_on(self) -> None:
            """Answer a request, as the fault of the door will have it."""
            length = int(self.headers.get("Content-Length") or 0)
            operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
            request = Request(self.command, self.path, operation, self.rfile.read(length))
            fault = door.fault if door.fault.match(request) else Fault()
            try:
                answer = fault.before(request)
                if answer is not None:
                    self.send(answer)
                else:
                    fault.after(door.passed(request, self.headers.items()), self.send)
            except Reset:
                self.close_connection = True
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = pass_on  # noqa: N815

        def send(self, answer: Answer) -> None:
            self.send_response_only(answer.status)
            named = {name.lower() for name, _ in answer.headers}
            for name, value in answer.headers:
                if name.lower() not in {"connection", "transfer-encoding"}:
                    self.send_header(name, value)
            if "content-length" not in named:
                self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

    return Handler
