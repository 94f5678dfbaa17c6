"""An OpenTelemetry collector, which receives spans by OTLP over HTTP on loopback."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_ERROR = 2


@dataclass(frozen=True)
class Span:
    """One span, ids in hexadecimal digits."""

    name: str
    service: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str]
    failed: bool
    events: list[str]


class Collector:
    """The received spans."""

    def __init__(self) -> None:
        self.address = ""
        self.spans: list[Span] = []

    def until(self, name: str, timeout_s: float = 120.0) -> list[Span]:
        """Return the spans so far, once there is one of this name."""
        end = time.monotonic() + timeout_s
        while not any(span.name == name for span in self.spans):
            assert time.monotonic() < end, f"no span {name} among {self.spans}"
            time.sleep(0.02)
        return list(self.spans)

    def take(self, body: bytes) -> None:
        """Keep the spans of a request."""
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = _values(resource.resource.attributes)["service.name"]
            for scope in resource.scope_spans:
                self.spans += [_span(one, service) for one in scope.spans]


@contextmanager
def collector() -> Iterator[Collector]:
    """Serve a collector during the block."""
    taken = Collector()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces":
                taken.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        taken.address = f"http://127.0.0.1:{server.server_port}"
        yield taken
        server.shutdown()


def _span(one: Any, service: str) -> Span:
    return Span(
        name=one.name,
        service=service,
        trace_id=one.trace_id.hex(),
        span_id=one.span_id.hex(),
        parent_id=one.parent_span_id.hex(),
        attributes=_values(one.attributes),
        failed=one.status.code == _ERROR,
        events=[event.name for event in one.events],
    )


def _values(attributes: Any) -> dict[str, str]:
    return {one.key: one.value.string_value for one in attributes}
