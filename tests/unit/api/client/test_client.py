"""The requests of the clients: retries, errors, streams, uploads and pages."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from pipeline.api.client import ApiError, AsyncClient, Client, Event
from pipeline.api.client.call import Call
from tests.fakes.query import app

TOKEN = "token of the API"  # noqa: S105 - of a server that is none
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer) -> Client:
    return Client(
        "http://api", token=TOKEN, http=httpx.Client(transport=httpx.MockTransport(answer))
    )


def problem(status: int, code: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"code": code, "detail": "Why."}, headers=headers)


def health() -> httpx.Response:
    return httpx.Response(200, json={"status": "ok", "version": "1", "stages": [], "drop": "s3://"})


def test_a_rejected_request_is_an_error_with_its_code_and_detail():
    with pytest.raises(ApiError, match=r"404 unknown_video: Why\.") as caught:
        client(lambda _: problem(404, "unknown_video")).get_video("x")
    assert (caught.value.status, caught.value.code) == (404, "unknown_video")
    assert caught.value.problem["detail"] == "Why."


def test_an_answer_of_a_gateway_is_an_error_too():
    with pytest.raises(ApiError, match="401 http_error: no") as caught:
        client(lambda _: httpx.Response(401, text="no")).get_health()
    assert caught.value.problem == {}


def test_a_token_without_the_scope_is_an_error_that_can_be_read():
    with pytest.raises(ApiError, match="403 http_error: Forbidden"):
        client(lambda _: httpx.Response(403, json={"message": "Forbidden"})).get_health()


@pytest.mark.parametrize("pause", ["0", "soon"])
def test_a_get_is_repeated_while_the_server_is_unavailable(pause, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr("pipeline.api.client.transport.time.sleep", slept.append)
    answers = [problem(503, "service_unavailable", **{"Retry-After": pause}), health()]
    assert client(lambda _: answers.pop(0)).get_health().status == "ok"
    assert slept == [0.0 if pause == "0" else 1.0]


def test_a_post_is_not_repeated():
    answers = [problem(503, "service_unavailable")]
    with pytest.raises(ApiError):
        client(lambda _: answers.pop(0)).start_replay()


def test_a_newer_server_may_say_more():
    answer = httpx.Response(200, json={**health().json(), "mood": "fine"})
    assert client(lambda _: answer).get_health().mood == "fine"


def test_parts_of_a_path_are_quoted():
    call = Call("GET", "/videos/{video_id}/captions/{name}", {"video_id": "x", "name": "a b?.srt"})
    assert call.arguments()["url"] == "videos/x/captions/a%20b%3F.srt"


STREAM = 'id: 7\nevent: Video Ready\ndata: {"a":\ndata: 1}\n\n: silence\n\ndata: x\n\n'
EVENTS = [Event("Video Ready", '{"a":\n1}', "7"), Event("message", "x", "7")]


def test_a_stream_of_events_is_read_as_they_come():
    found = list(client(lambda _: httpx.Response(200, text=STREAM))._events(Call("GET", "/events")))
    assert found == EVENTS
    assert found[0].json() == {"a": 1}


def test_a_stream_that_is_rejected_is_an_error():
    with pytest.raises(ApiError, match="unknown_route"):
        list(client(lambda _: problem(404, "unknown_route"))._events(Call("GET", "/events")))


def test_pages_are_read_to_the_last():
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.params["status"] == "ready"
        more = "next" if "cursor" not in request.url.params else None
        return httpx.Response(200, json={"videos": [], "next_cursor": more})

    api = client(answer)
    pages = list(api.pages(api.list_videos, status="ready"))
    assert [page.next_cursor for page in pages] == ["next", None]


class Uploads:
    """A server that takes a file of two parts, and a store for them."""

    def __init__(self) -> None:
        self.stored: dict[int, bytes] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            assert "Authorization" not in request.headers
            self.stored[int(request.url.params["n"])] = request.content
            return httpx.Response(200)
        if request.url.path == "/uploads":
            assert json.loads(request.content)["options"] == {"language": "de"}
        missing = [number for number in (1, 2) if number not in self.stored][:1]
        parts = [
            {"number": n, "start": 3 * (n - 1), "size": 3, "url": f"http://store/?n={n}"}
            for n in missing
        ]
        body = {"upload_id": "u", "state": "open", "already_there": False, "video_id": "v"}
        body |= {"key": "k", "name": "a.mp4", "size": 6, "part_size": 3, "part_count": 2}
        body |= {"arrived": [], "parts": parts, "expires_at": "2026-01-01T00:00:00Z", "links": {}}
        return httpx.Response(200, json=body)


def test_a_file_is_uploaded_part_by_part(tmp_path: Path):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"abcdef")
    server = Uploads()
    api = client(server.answer)
    assert api.upload(file, options={"language": "de"}).video_id == "v"
    assert server.stored == {1: b"abc", 2: b"def"}


def processed(*found: str) -> Answer:
    """Answer with these states of the video: its status, 404 while it is not known."""
    left = list(found)
    document = app().openapi()["paths"]["/videos/{video_id}"]["get"]["responses"]["200"]
    example = document["content"]["application/json"]["example"]

    def answer(_: httpx.Request) -> httpx.Response:
        state = left.pop(0)
        if state == "unknown":
            return problem(404, "unknown_video")
        return httpx.Response(200, json=example | {"status": state})

    return answer


def test_a_video_is_awaited_until_it_is_processed(monkeypatch):
    monkeypatch.setattr("pipeline.api.client.client.time.sleep", lambda _: None)
    answers = processed("unknown", "processing", "ready")
    assert client(answers).wait("v").status == "ready"
    with pytest.raises(TimeoutError):
        client(processed("processing")).wait("v", timeout_s=-1)


def test_the_async_client_does_the_same(tmp_path: Path):
    file = tmp_path / "a.mp4"
    file.write_bytes(b"abcdef")
    server, known = Uploads(), processed("ready")

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/events":
            return httpx.Response(200, text=STREAM)
        if request.url.path == "/videos":
            return httpx.Response(200, json={"videos": [], "next_cursor": None})
        return known(request) if request.url.path == "/videos/v" else server.answer(request)

    async def ask() -> None:
        http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
        async with AsyncClient("http://api", http=http) as api:
            found = [event async for event in api._events(Call("GET", "/events"))]
            assert found == EVENTS
            assert (await api.upload(file, options={"language": "de"})).video_id == "v"
            assert (await api.wait("v")).status == "ready"
            pages = [page async for page in api.pages(api.list_videos)]
            assert len(pages) == 1

    asyncio.run(ask())
    assert server.stored == {1: b"abc", 2: b"def"}
