"""Requests that the API sends on to S3: for our buckets alone, and no error has an address."""

from typing import Any

import pytest

from pipeline.aws import relayed
from pipeline.aws.relayed import Store
from pipeline.core.errors import Unreachable

STORE = Store("http://127.0.0.1:1", ["ours"])


@pytest.mark.parametrize(
    "target", ["/ours-of-others/a", "/ours", "/?list-type=2", "//ours/a", "/another/a"]
)
def test_only_files_of_our_buckets_may_be_asked_for(target: str):
    assert STORE.has("/ours/videos/a.mp4?X-Amz-Signature=1")
    assert not STORE.has(target)


class Connection:
    """A connection to S3 that fails as told, and keeps what it was asked."""

    made: list["Connection"]
    error: type[OSError] = BrokenPipeError

    def __init__(self, place: str, *, timeout: float) -> None:
        self.place, self.timeout = place, timeout
        self.asked: tuple[Any, ...] = ()
        self.closed = False
        self.made.append(self)

    def request(self, *asked: Any) -> None:
        self.asked = asked
        raise self.error  # S3 has closed its end before the whole body was sent

    def getresponse(self) -> str:
        return "403"

    def close(self) -> None:
        self.closed = True


class Silent(Connection):
    """A connection that nothing answers."""

    def getresponse(self) -> str:
        raise TimeoutError


@pytest.mark.parametrize(
    ("kind", "endpoint", "error"),
    [
        ("HTTPConnection", "http://s3:9000", BrokenPipeError),
        ("HTTPSConnection", "https://s3:9000", ConnectionResetError),
    ],
)
def test_an_early_rejection_of_s3_is_its_answer(
    monkeypatch: pytest.MonkeyPatch, kind: str, endpoint: str, error: type[OSError]
):
    monkeypatch.setattr(Connection, "made", [], raising=False)
    monkeypatch.setattr(Connection, "error", error)
    monkeypatch.setattr(relayed, kind, Connection)
    found = Store(endpoint, ["ours"]).send("PUT", "/ours/a", {"Content-Length": "1"}, [b"a"])
    (made,) = Connection.made
    assert found == "403"
    assert (made.place, made.closed) == ("s3:9000", False), "the response owns the socket"
    assert made.asked[3] == {"Content-Length": "1", "Connection": "close"}


def test_a_silent_s3_is_given_up_and_its_connection_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Connection, "made", [], raising=False)
    monkeypatch.setattr(relayed, "HTTPConnection", Silent)
    with pytest.raises(Unreachable, match="TimeoutError"):
        STORE.send("GET", "/ours/a", {})
    (made,) = Silent.made
    assert made.closed
    assert 0 < made.timeout <= 60


def test_an_error_does_not_tell_the_signed_address():
    with pytest.raises(Unreachable) as failed:
        STORE.send("GET", "/ours/a b?X-Amz-Signature=secret", {})
    assert failed.value.message == "S3 could not be reached: InvalidURL."
