"""A request's body in the gate of the embedded AWS."""

import io
from pathlib import Path

import pytest

from pipeline.hosts.local import gate
from pipeline.hosts.local.monitor import STATE
from pipeline.hosts.local.signature import Keys
from pipeline.hosts.local.signed_request import Rejected

KEYS = Keys("key", "secret")


def environ(body, **more):
    given = {
        "REQUEST_METHOD": "PUT",
        "RAW_URI": "/bucket/key",
        "HTTP_HOST": "127.0.0.1:4599",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
    }
    return given | more


@pytest.fixture
def passed(monkeypatch):
    """Return the bodies that pass, with every signature accepted."""
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    seen = []
    app = gate.guarded(lambda env, _: seen.append(env["wsgi.input"].read()) or [], KEYS)

    def enter(request):
        app(request, lambda *_: None)
        return seen

    return enter


def test_a_body_is_read_before_the_monitor_is_entered(passed):
    class Slow(io.BytesIO):
        def read(self, size):
            assert not STATE._is_owned()
            assert size <= 1 << 20, "a large body is never in memory as a whole"
            return super().read(size)

    body = b"x" * 3_000_000
    assert passed(environ(body) | {"wsgi.input": Slow(body)}) == [body]


@pytest.mark.parametrize("terminated", [True, False])
def test_a_body_ends_where_its_length_or_the_server_says(passed, terminated):
    request = environ(b"bodynext request", CONTENT_LENGTH="" if terminated else "4")
    request["wsgi.input_terminated"] = terminated
    assert passed(request) == [b"bodynext request" if terminated else b"body"]


def test_the_body_of_a_request_without_our_key_is_not_read(monkeypatch):
    class Unread(io.BytesIO):
        def read(self, *_):
            raise AssertionError("nobody may send this")

    def verify(*_):
        raise Rejected("AccessDenied", "AccessDenied", "No.")

    monkeypatch.setattr(gate, "verify", verify)
    said = []
    request = environ(b"x") | {"wsgi.input": Unread()}
    answer = gate.guarded(lambda *_: [b"in"], KEYS)(request, lambda status, *_: said.append(status))
    assert said == ["403 Forbidden"]
    assert b"<Code>AccessDenied</Code>" in b"".join(answer)


@pytest.mark.parametrize(
    ("names", "host", "answered"),
    [
        (None, "127.0.0.1:4599", True),
        (None, "10.0.0.2:4599", False),
        (None, "aws:4599", False),
        ({"aws"}, "aws:4599", True),
        ({"aws"}, "10.0.0.2:4599", True),
        (set(), "10.0.0.2:4599", True),
        ({"aws"}, "evil.example", False),
    ],
)
def test_names_are_answered_only_where_it_listens_beyond_loopback(
    monkeypatch, names, host, answered
):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    app = gate.guarded(lambda *_: [b"in"], KEYS, names=names)
    answer = b"".join(app(environ(b"", HTTP_HOST=host), lambda *_: None))
    assert (answer == b"in") is answered


def test_a_cache_keeps_an_answer_for_one_origin(monkeypatch):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))

    def moto(_, start_response):
        start_response("200 OK", [("Access-Control-Allow-Origin", "*")])
        return []

    said = []
    for more in ({}, {"HTTP_ORIGIN": "http://localhost"}):
        gate.guarded(moto, KEYS)(environ(b"", **more), lambda _, headers: said.append(headers))
    assert said[0] == [("Vary", "Origin")]
    assert said[1][:4] == [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", "http://localhost"),
        ("Access-Control-Allow-Methods", "GET, HEAD, PUT"),
        ("Access-Control-Allow-Headers", "Range"),
    ]


def test_other_origins_of_our_pages_can_be_named(monkeypatch):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    app = gate.guarded(lambda *_: [b"in"], KEYS, {"https://videos.example"})
    for origin, answered in (
        ("https://videos.example", True),
        ("https://videos.example.evil", False),
    ):
        answer = app(environ(b"", HTTP_ORIGIN=origin), lambda *_: None)
        assert (b"".join(answer) == b"in") is answered


@pytest.mark.parametrize("origin", ["", "ftp://localhost", "http://10.0.0.2", "http://[", "null"])
def test_a_page_that_this_machine_does_not_serve_reads_nothing(monkeypatch, origin):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    app = gate.guarded(lambda *_: [b"in"], KEYS, names=())
    answer = b"".join(app(environ(b"", HTTP_ORIGIN=origin), lambda *_: None))
    assert b"Pages of other sites" in answer


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (environ(b"cut off", CONTENT_LENGTH="8"), "400 Bad Request"),
        (environ(b"", CONTENT_LENGTH="x"), "400 Bad Request"),
        (environ(b"", CONTENT_LENGTH="-1"), "400 Bad Request"),
        (environ(b"x" * 11), "413 Request Entity Too Large"),
    ],
)
def test_a_bad_body_is_the_senders_error(monkeypatch, request_, status):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(10))
    said = []
    app = gate.guarded(lambda *_: [b"in"], KEYS)
    answer = app(request_, lambda status, *_: said.append(status))
    assert said == [status]
    assert b"<Code>" in b"".join(answer)


def test_nothing_is_read_of_a_body_of_negative_length(monkeypatch):
    class Endless(io.BytesIO):
        def read(self, size=-1):
            raise AssertionError(f"{size} bytes were asked for")

    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    said = []
    request = environ(b"", CONTENT_LENGTH="-1") | {"wsgi.input": Endless()}
    gate.guarded(lambda *_: [b"in"], KEYS)(request, lambda status, *_: said.append(status))
    assert said == ["400 Bad Request"]


def test_a_broken_chunk_is_the_senders_error(monkeypatch):
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError("Invalid chunk header")

    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    said = []
    request = environ(b"") | {"wsgi.input": Broken(), "wsgi.input_terminated": True}
    gate.guarded(lambda *_: [b"in"], KEYS)(request, lambda status, *_: said.append(status))
    assert said == ["400 Bad Request"]


def test_a_request_that_cannot_be_stored_is_answered_in_the_form_of_its_service(monkeypatch):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))

    def full(*_):
        raise gate.no_room(Path("/a<w>s"), OSError(28, "No space left on device"))

    app = gate.guarded(full, KEYS)
    for more, body, folder in (
        ({}, b"<Code>SlowDown</Code>", b"/a&lt;w&gt;s"),
        ({"HTTP_X_AMZ_TARGET": "AmazonSQS.SendMessage"}, b'"ServiceUnavailable"', b"/a<w>s"),
    ):
        said = []
        answer = b"".join(app(environ(b"", **more), lambda status, *_, to=said: to.append(status)))
        assert said == ["503 Service Unavailable"]
        assert body in answer
        assert folder + b" cannot be written to (No space left on device)" in answer
    assert app(environ(b"", REQUEST_METHOD="HEAD"), lambda *_: None) == []


def test_a_full_disk_for_temporary_files_is_not_the_fault_of_the_request(monkeypatch, tmp_path):
    monkeypatch.setattr(gate, "verify", lambda _request, receive, _keys: receive(None))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "away"))
    said = []
    body = bytes(3 << 20)
    answer = gate.guarded(lambda *_: [], KEYS)(
        environ(body), lambda status, *_: said.append(status)
    )
    assert said == ["503 Service Unavailable"]
    assert str(tmp_path / "away") in b"".join(answer).decode()
