"""A receiver of webhooks, and the function that delivers them."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pipeline.aws import clients as aws
from pipeline.core.settings import Settings


@dataclass
class Posted:
    """A webhook as it arrived."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def is_signed(self, secret: str) -> bool:
        """Verify the signature as Standard Webhooks says, apart from the project's own code."""
        key = base64.b64decode(secret.split("_", 1)[1])
        signed = b".".join(
            [self.id.encode(), self.headers["webhook-timestamp"].encode(), self.body]
        )
        wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{wanted}" in self.headers["webhook-signature"].split()


@dataclass
class Receiver:
    """An HTTP server that answers with the given statuses, the last one again and again."""

    statuses: list[int] = field(default_factory=lambda: [204])
    posted: list[Posted] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.posted.append(Posted({k.lower(): v for k, v in handler.headers.items()}, body))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        handler.send_response(status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()


@pytest.fixture
def told(stored: Settings) -> Settings:
    """An installation whose events go to their queue."""
    sqs, events, names = aws.client("sqs"), aws.client("events"), stored.names
    queue = names.queue("events")
    for name in (queue, names.queue("events", "webhooks")):
        sqs.create_queue(QueueName=name)
    rule = {"Name": queue, "EventBusName": names.bus}
    made = events.put_rule(**rule, EventPattern=json.dumps(names.events_pattern()))
    arn = made["RuleArn"].replace(":events:", ":sqs:").rsplit(":", 1)[0] + f":{queue}"
    target = {"Id": "queue", "Arn": arn}
    events.put_targets(Rule=queue, EventBusName=names.bus, Targets=[target])
    return stored


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()
