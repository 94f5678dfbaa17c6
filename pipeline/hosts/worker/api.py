"""The Lambda Runtime API, for one child process.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

The runtime client in the child requests the next invocation and waits until there is one. It
answers with a response or an error. Each child has an API of its own, so an open request of a dead
child cannot take an invocation from the next child. Connections of other processes are closed at
once, because every local process could otherwise request an event.
"""

import contextlib
import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import psutil
from pydantic import JsonValue

from pipeline.aws.messages import trace_header

_VERSION = "/2018-06-01/runtime"


@dataclass
class Invocation:
    """One invocation of the handler.

    Attributes:
        event: the handler's event, as JSON.
        deadline_s: Unix time of the deadline for the answer.
        trace: its trace, in the form of X-Ray's header.
        answered: set once ``response`` or ``error`` is set.
    """

    event: bytes
    deadline_s: float
    trace: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answered: threading.Event = field(default_factory=threading.Event)
    response: bytes | None = None
    error: str | None = None


def trace_of(event: JsonValue) -> str:
    """Return X-Ray's header of the trace that an event's message carries, or of a new one.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html
    """
    match event:
        case {"Records": [{"attributes": dict(attributes)}]} if sent := trace_header(attributes):
            return sent
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"


class RuntimeApi:
    """A server of the Runtime API on a free loopback port, until closed.

    Args:
        arn: the function's ARN, for the handler's context.
    """

    def __init__(self, arn: str) -> None:
        self.arn = arn
        self.caller: int | None = None  # the child's process id, the only client accepted
        self.settled = threading.Event()  # the handler has been loaded, or could not be
        self.init_error: str | None = None
        self._current: Invocation | None = None
        self._next: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self.address = f"127.0.0.1:{self._server.server_port}"
        # The poll interval only limits the duration of close().
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def put(self, invocation: Invocation) -> None:
        """Send an invocation to the child."""
        self._current = invocation
        self._next.put(invocation)

    def close(self) -> None:
        """Stop serving; an open request is closed without an answer."""
        self._next.put(None)
        self._server.shutdown()
        self._server.server_close()

    def take(self) -> Invocation | None:
        """Wait for the next invocation; None when closed."""
        self.settled.set()
        return self._next.get()

    def answer(self, invocation_id: str, kind: str, body: bytes) -> bool:
        """Accept a ``response`` or ``error``; return False if it was not expected."""
        invocation = self._current
        if invocation is None or invocation.id != invocation_id or invocation.answered.is_set():
            return False
        if kind == "error":
            invocation.error = _describe(body)
        else:
            invocation.response = body
        invocation.answered.set()
        return True

    def fail_init(self, body: bytes) -> None:
        """Record the report that the handler could not be loaded."""
        self.init_error = _describe(body)
        self.settled.set()


class _Server(ThreadingHTTPServer):
    # Its threads are daemons: an open request of a killed child does not delay server_close().
    api: RuntimeApi

    def verify_request(self, _request: Any, client_address: Any) -> bool:
        """Return whether the client's socket belongs to the child.

        Both addresses count: two processes may have the same local port at once, if they are
        connected to different servers.
        """
        if self.api.caller is None:
            return False
        with contextlib.suppress(psutil.Error):
            connections = psutil.Process(self.api.caller).net_connections(kind="tcp")
            pair = (client_address[:2], self.server_address[:2])
            return any((one.laddr, one.raddr) == pair for one in connections)
        return False


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Unbuffered writes with Nagle's algorithm cost 40 ms and more per answer.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path != f"{_VERSION}/invocation/next":
            self._send(404)
            return
        invocation = self.server.api.take()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.id,
            "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline_s * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.server.api.arn,
            "Lambda-Runtime-Trace-Id": invocation.trace,
        }
        self._send(200, invocation.event, headers)

    def do_POST(self) -> None:
        body = self._body()
        api, parts = self.server.api, self.path.removeprefix(f"{_VERSION}/").split("/")
        match parts:
            case ["init", "error"]:
                api.fail_init(body)
                self._send(202)
            case ["invocation", invocation_id, ("response" | "error") as kind]:
                self._send(202 if api.answer(invocation_id, kind, body) else 400)
            case _:
                self._send(404)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(
        self, status: int, body: bytes = b"{}", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _describe(body: bytes) -> str:
    """Return the runtime client's error report as one line."""
    try:
        report = json.loads(body)
        return f"{report['errorType']}: {report['errorMessage']}"
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")
