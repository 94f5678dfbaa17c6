"""Bodies flow through the relay piece by piece, and stop when a client is gone."""

import asyncio
import io
from email.message import Message

import pytest

from pipeline.api import relay
from pipeline.api.head import HeadAsGet
from pipeline.api.relay import Relay
from pipeline.core.errors import Unreachable

CHUNK = 1 << 20


class Found(io.BytesIO):
    """A response of S3 that counts how much of it was read."""

    def __init__(self, size, status=200):
        super().__init__(bytes(size))
        self.status = status
        self.headers = Message()
        self.taken = []
        for name, value in ({"Content-Type": "video/mp4", "Content-Length": str(size)}).items():
            self.headers[name] = value

    def read(self, size=-1):
        self.taken.append(size)
        return super().read(size)


class Store:
    """S3 that gives one response, and keeps the body that it gets."""

    def __init__(self, found=None, *, order=None):
        self.found = found or Found(0)
        self.order = [] if order is None else order
        self.asked = []

    def has(self, target):
        return target.startswith("/ours/")

    def send(self, method, target, headers, body=()):
        self.asked.append((method, target, headers))
        for piece in body:
            self.order.append(("stored", piece))
        return self.found


def call(store, method="GET", *, messages=(), headers=(), gone_after=None):
    """Return what the relay sent; the client is gone after so many messages to it."""
    sent, left, gone = [], list(messages), asyncio.Event()

    async def receive():
        if left:
            store.order.append(("received", left[0]["body"]))
            return left.pop(0)
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if gone_after is not None and len(sent) >= gone_after:
            gone.set()
            await asyncio.sleep(0.01)  # the listener is told

    asyncio.run(HeadAsGet(Relay(None, lambda: store))(scope(method, headers), receive, send))
    return sent


def scope(method, headers):
    return {
        "type": "http",
        "method": method,
        "path": "/files/ours/a",
        "raw_path": b"/files/ours/a",
        "query_string": b"X-Amz-Signature=1",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
    }


def test_a_file_is_read_in_chunks_and_closed():
    found = Found(3 * CHUNK + 5)
    sent = call(Store(found))
    assert [len(message["body"]) for message in sent[1:]] == [CHUNK, CHUNK, CHUNK, 5, 0]
    assert set(found.taken) == {CHUNK}
    assert found.closed


def test_a_body_that_s3_would_wait_for_is_not_announced():
    store = Store(Found(1))
    call(store, headers=[("Content-Length", "9"), ("Range", "bytes=0-")])
    assert store.asked == [("GET", "/ours/a?X-Amz-Signature=1", {"Range": "bytes=0-"})]


def test_a_file_is_read_no_further_once_the_client_is_gone():
    found = Found(50 * CHUNK)
    call(Store(found), gone_after=3)
    assert len(found.taken) < 6
    assert found.closed


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("video/mp4", True),
        ("image/png", True),
        ("text/vtt; charset=utf-8", True),
        ("text/html", False),
        ("image/svg+xml", False),
        ("image/png, text/html", False),
        ("text/plain; charset=utf-8, text/html", False),
    ],
)
def test_only_types_that_run_nothing_are_shown_and_no_other_header_is_passed_on(kind, shown):
    found = Found(1)
    found.headers.replace_header("Content-Type", kind)
    for name in ("Access-Control-Allow-Origin", "Set-Cookie", "Content-Encoding"):
        found.headers[name] = "x"
    headers = dict(call(Store(found))[0]["headers"])
    assert headers.pop(b"content-length") == b"1"
    if shown:
        assert headers.pop(b"content-security-policy").startswith(b"default-src 'none'; ")
        assert headers == {b"content-type": kind.encode()}
    else:
        assert headers == {
            b"content-type": b"application/octet-stream",
            b"content-disposition": b"attachment",
        }


def test_the_body_of_an_answer_to_head_is_not_read():
    found = Found(50 * CHUNK)
    sent = call(Store(found), "HEAD")
    assert sent[0]["status"] == 200
    assert dict(sent[0]["headers"])[b"content-length"] == str(50 * CHUNK).encode()
    assert found.taken == []
    assert found.closed


def test_a_part_is_handed_on_piece_by_piece():
    store = Store()
    pieces = [b"a" * 9, b"b" * 9, b"c"]
    messages = [
        {"type": "http.request", "body": piece, "more_body": piece != b"c"} for piece in pieces
    ]
    kept = {"Content-Length": "19", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="}
    headers = [*kept.items(), ("Authorization", "secret"), ("X-Amz-Acl", "public")]
    sent = call(store, "PUT", messages=messages, headers=headers)
    assert sent[0]["status"] == 200
    assert store.order == [step for one in pieces for step in (("received", one), ("stored", one))]
    # Nothing that S3 would have to have signed, and no other credentials.
    assert store.asked == [("PUT", "/ours/a?X-Amz-Signature=1", kept)]


def test_a_part_whose_client_is_gone_is_not_stored():
    class Cut(Store):
        def send(self, *asked, **_):
            try:
                return super().send(*asked)
            except ConnectionError as error:  # as of the connection to S3
                self.cut = True
                raise Unreachable("aws_unreachable", "gone") from error

    store = Cut()
    first = {"type": "http.request", "body": b"a", "more_body": True}
    messages = [first, {"type": "http.disconnect", "body": b""}]
    sent = call(store, "PUT", messages=messages, headers=[("Content-Length", "2")])
    assert store.cut
    assert sent[0]["status"] == 503


def test_clients_that_send_slowly_leave_threads_to_those_that_read(monkeypatch):
    class Busy(Store):
        sending = most = 0

        def send(self, method, target, headers, body=()):
            self.sending += method == "PUT"
            self.most = max(self.most, self.sending)
            super().send(method, target, headers, body)
            self.sending -= method == "PUT"
            return Found(1)

    monkeypatch.setattr(relay, "_PARTS_AT_ONCE", 1)
    store = Busy()
    relayed = Relay(None, lambda: store)
    answered = []

    async def ask():
        slow = asyncio.Event()

        async def receive():
            await slow.wait()
            return {"type": "http.request", "body": b"a"}

        async def send(message):
            answered.append(message.get("status"))

        parts = [
            asyncio.create_task(relayed(scope("PUT", [("Content-Length", "1")]), receive, send))
            for _ in range(3)
        ]
        await relayed(scope("GET", []), receive, send)
        slow.set()
        await asyncio.gather(*parts)

    asyncio.run(ask())
    assert (answered.count(200), store.most) == (4, 1)


@pytest.mark.parametrize("status", [403, 404, 412, 416, 500, 503])
def test_an_error_of_s3_is_a_problem_and_closed(status):
    found = Found(5, status)
    sent = call(Store(found))
    assert sent[0]["status"] == (503 if status == 500 else status)
    assert found.closed
    assert found.taken == []


def test_a_store_that_is_down_is_a_problem():
    class Down(Store):
        def send(self, *_):
            raise Unreachable("aws_unreachable", "http://secret")

    sent = call(Down())
    assert sent[0]["status"] == 503
    assert b"secret" not in sent[1]["body"]
