"""Requests to the embedded AWS are counted by operation."""

import json

from benchmarks.counting_server import COUNTS, OBSERVER, Counted, calls, sent_mb


def app(_, start_response):
    start_response("200 OK", [("content-length", "2000000")])
    return [b""]


def ask(counted: Counted, path: str = "/", method: str = "GET", **headers: str) -> bytes:
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, **headers}
    return b"".join(counted(environ, lambda *_: None))


def counts(counted: Counted) -> dict[str, int]:
    return json.loads(ask(counted, COUNTS))


def test_operations_are_told_apart():
    counted = Counted(app)
    ask(counted, HTTP_X_AMZ_TARGET="DynamoDB_20120810.UpdateItem", method="POST")
    ask(counted, "/bucket", QUERY_STRING="list-type=2")
    ask(counted, "/bucket/a/b.mp4", "PUT", QUERY_STRING="partNumber=1&uploadId=x")
    ask(counted, "/bucket/a/b.mp4")
    assert counts(counted) == {
        "UpdateItem": 1,
        "GET bucket": 1,
        "PUT object (multipart)": 1,
        "GET object": 1,
        "bytes sent by S3 from bucket": 2_000_000,
    }


def test_requests_of_the_benchmark_are_not_counted():
    counted = Counted(app)
    ask(counted, "/bucket/key", HTTP_USER_AGENT=f"Boto3/1 app/{OBSERVER}")
    assert counts(counted) == {}


def test_polls_are_no_calls_of_a_video():
    before = {"ReceiveMessage": 3, "UpdateItem": 1}
    assert calls(before, {"ReceiveMessage": 9, "UpdateItem": 4, "PutItem": 1}) == 4


def test_bytes_are_those_of_a_bucket_or_of_all_and_no_calls():
    sent = "bytes sent by S3 from"
    before = {f"{sent} x-uploads": 1_000_000}
    after = {f"{sent} x-uploads": 3_000_000, f"{sent} x-artifacts": 500_000}
    assert calls(before, after) == 0
    assert sent_mb(before, after) == 2.5
    assert sent_mb(before, after, "x-uploads") == 2.0
