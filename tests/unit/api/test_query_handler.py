"""The query handler, called with events of an HTTP API."""

import asyncio
import base64
import gzip
import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.core.settings import Settings
from tests.fakes.lambda_events import http as event
from tests.fakes.query import FakeArtifacts, FakeCatalog, done, upload, video

CONTEXT = SimpleNamespace(
    function_name="videodrop-query",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:111122223333:function:videodrop-query",
    aws_request_id="8f507cfc-xmpl-4697-b07a-ac58fc914c95",
)
SOURCE = upload(key="videos/käse.mp4")


@pytest.fixture(scope="module")
def query() -> Iterator[ModuleType]:
    """Return the handler, with the event loop that Mangum keeps for its thread."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield importlib.import_module("handlers.query")
    asyncio.set_event_loop(None)
    loop.close()


@pytest.fixture
def ask(query: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Return the handler with parts that need no AWS."""
    words = {"transcript.txt": "transcript_txt", "transcript.json": "transcript_json"}
    base = f"artifacts/{SOURCE.video_id}/speech/"
    files = {f"{base}transcript.txt": "Käse.\n".encode(), f"{base}transcript.json": b"{}" * 2000}
    state = query.app.state.context
    one = video(SOURCE, done(SOURCE, "speech", words, labels=["big dog"]))
    monkeypatch.setattr(state, "settings", Settings())
    monkeypatch.setattr(state, "catalog", cast("Catalog", FakeCatalog([one])))
    monkeypatch.setattr(state, "artifacts", cast("Artifacts", FakeArtifacts(files)))
    return lambda *given, **more: query.handler(event(*given, **more), CONTEXT)


def test_its_clients_are_made_while_it_is_initialised(query):
    assert {"replays", "receiver", "search"} <= vars(query.app.state.context).keys()


def test_a_request_begins_no_server(ask, query, monkeypatch):
    begun = []

    @asynccontextmanager
    async def lifespan(_app):
        begun.append(1)
        yield

    monkeypatch.setattr(query.app.router, "lifespan_context", lifespan)
    assert ask("/videos")["statusCode"] == 200
    assert begun == []


def test_a_list_is_answered_and_its_query_string_decoded(ask):
    answer = ask("/videos", "label=big%20dog&prefix=videos%2Fk%C3%A4&limit=5")
    assert answer["statusCode"] == 200
    assert not answer["isBase64Encoded"]
    assert [one["name"] for one in json.loads(answer["body"])["videos"]] == ["käse.mp4"]
    answer = ask("/videos", "label=big+cat")
    assert json.loads(answer["body"])["videos"] == []


def test_text_comes_back_as_text(ask):
    answer = ask(f"/videos/{SOURCE.video_id}/transcript.txt")
    assert answer["body"] == "Käse.\n"
    assert answer["headers"]["content-type"] == "text/plain; charset=utf-8"
    assert not answer["isBase64Encoded"]


def test_a_compressed_answer_is_base64(ask):
    path = f"/videos/{SOURCE.video_id}/transcript"
    answer = ask(path, **{"accept-encoding": "gzip"})
    assert answer["isBase64Encoded"]
    assert answer["headers"]["content-encoding"] == "gzip"
    assert gzip.decompress(base64.b64decode(answer["body"])) == b"{}" * 2000


def test_a_base64_body_is_no_trouble(query):
    posted = event("/videos", method="POST") | {
        "body": base64.b64encode(b"\xff\x00").decode(),
        "isBase64Encoded": True,
    }
    answer = query.handler(posted, CONTEXT)
    assert answer["statusCode"] == 405
    assert answer["headers"]["content-type"] == "application/problem+json"


def test_the_page_and_its_scripts_are_served(ask):
    page = ask("/")
    assert page["body"].startswith("<!doctype html>")
    assert "script-src 'self'" in page["headers"]["content-security-policy"]
    assert "export function h" in ask("/web/dom.js")["body"]


def test_an_unforeseen_error_is_still_a_problem(ask, query, monkeypatch):
    broken = FakeCatalog()
    broken.error = RuntimeError("private")
    monkeypatch.setattr(query.app.state.context, "catalog", broken)
    answer = ask(f"/videos/{SOURCE.video_id}")
    assert answer["statusCode"] == 500
    body = base64.b64decode(answer["body"])  # Mangum treats problem+json as binary; both are fine
    assert json.loads(body)["code"] == "unexpected"
    assert b"private" not in body


def test_nothing_is_said_to_the_log_for_an_ordinary_request(ask, caplog):
    ask("/videos")
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "WARNING"}]
