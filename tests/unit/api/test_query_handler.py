"""The handler under API Gateway's own events (payload format 2.0), field for field."""

import base64
import gzip
import json
from types import SimpleNamespace
from typing import Any, cast

import pytest

from handlers import query
from pipeline.artifacts import Artifacts
from pipeline.catalog import Catalog
from pipeline.settings import Settings
from tests.unit.api.fakes import FakeArtifacts, FakeCatalog, done, upload, video

CONTEXT = SimpleNamespace(
    function_name="videodrop-query",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:videodrop-query",
    aws_request_id="8f507cfc-xmpl-4697-b07a-ac58fc914c95",
)
SOURCE = upload(key="videos/käse.mp4")


def event(path: str, query_string: str = "", method: str = "GET", **headers: str) -> dict[str, Any]:
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query_string,
        "cookies": ["a=1"],
        "headers": {
            "accept": "*/*",
            "content-length": "0",
            "host": "d-abc123.execute-api.us-east-1.amazonaws.com",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e",
            "x-forwarded-for": "203.0.113.10",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
            **headers,
        },
        "requestContext": {
            "accountId": "111122223333",
            "apiId": "abc123",
            "domainName": "d-abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "d-abc123",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.10",
                "userAgent": "curl/8.5.0",
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "10/Mar/2026:05:16:23 +0000",
            "timeEpoch": 1583817383220,
        },
        "isBase64Encoded": False,
    }


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind the handler's own app, parts that need no AWS."""
    words = {"transcript.txt": "transcript_txt", "transcript.json": "transcript_json"}
    base = f"artifacts/{SOURCE.video_id}/speech/"
    files = {f"{base}transcript.txt": "Käse.\n".encode(), f"{base}transcript.json": b"{}" * 2000}
    state = query.handler.app.state.context
    one = video(SOURCE, done(SOURCE, "speech", words, labels=["big dog"]))
    monkeypatch.setattr(state, "settings", Settings())
    monkeypatch.setattr(state, "catalog", cast("Catalog", FakeCatalog([one])))
    monkeypatch.setattr(state, "artifacts", cast("Artifacts", FakeArtifacts(files)))


def ask(*given: str, **more: str) -> dict[str, Any]:
    return query.handler(event(*given, **more), CONTEXT)


def test_a_list_is_answered_and_its_query_string_decoded():
    answer = ask("/videos", "label=big%20dog&prefix=videos%2Fk%C3%A4&limit=5")
    assert answer["statusCode"] == 200
    assert not answer["isBase64Encoded"]
    assert [one["name"] for one in json.loads(answer["body"])["videos"]] == ["käse.mp4"]
    answer = ask("/videos", "label=big+cat")
    assert json.loads(answer["body"])["videos"] == []


def test_text_comes_back_as_text():
    answer = ask(f"/videos/{SOURCE.video_id}/transcript.txt")
    assert answer["body"] == "Käse.\n"
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert not answer["isBase64Encoded"]


def test_a_compressed_answer_is_base64():
    path = f"/videos/{SOURCE.video_id}/transcript"
    answer = ask(path, **{"accept-encoding": "gzip"})
    assert answer["isBase64Encoded"]
    assert answer["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(answer["body"])) == b"{}" * 2000


def test_a_base64_body_is_no_trouble():
    posted = event("/videos", method="POST") | {
        "body": base64.b64encode(b"\xff\x00").decode(),
        "isBase64Encoded": True,
    }
    answer = query.handler(posted, CONTEXT)
    assert answer["statusCode"] == 405
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_the_page_and_its_scripts_are_served():
    page = ask("/")
    assert page["body"].startswith("<!doctype html>")
    assert "script-src 'self'" in page["headers"]["content-security-policy"]
    assert "export function h" in ask("/web/dom.js")["body"]


def test_an_unforeseen_error_is_still_a_problem(monkeypatch: pytest.MonkeyPatch):
    broken = FakeCatalog()
    broken.error = RuntimeError("private")
    monkeypatch.setattr(query.handler.app.state.context, "catalog", broken)
    answer = ask(f"/videos/{SOURCE.video_id}")
    assert answer["statusCode"] == 500
    body = base64.b64decode(answer["body"])  # Mangum takes problem+json for binary; both are fine
    assert json.loads(body)["code"] == "unexpected"
    assert b"private" not in body


def test_nothing_is_said_to_the_log_for_an_ordinary_request(caplog: pytest.LogCaptureFixture):
    ask("/videos")
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}]
