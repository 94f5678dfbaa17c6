"""HEAD on every address that supports GET."""

import asyncio
import re

import pytest
from botocore.exceptions import EndpointConnectionError
from starlette.routing import Mount, Route

from pipeline import bootstrap
from pipeline.telemetry import names
from tests.fakes.query import FakeArtifacts, app, client, done, signature, upload, video

SOURCE = upload()
BASE = f"artifacts/{SOURCE.video_id}"
ROLES = {
    "transcript.json": "transcript_json",
    "captions.vtt": "captions_vtt",
    "storyboard.vtt": "storyboard_vtt",
    "hls/master.m3u8": "hls_master",
    "detections.json": "detections_json",
    "tracks.json": "tracks_json",
    "subtitles-1.vtt": "subtitles_vtt",
    "chapters.json": "chapters_json",
}
FILES = {
    f"{BASE}/a/{name}": b'{"frames": []}' if name.endswith("json") else b"WEBVTT\n" * 300
    for name in ROLES
}
# The path parameters of routes, and the queries without which they answer with an error.
VALUES = {
    "video_id": SOURCE.video_id,
    "form": "vtt",
    "name:path": "hls/master",
    "replay_id": "none",
    "upload_id": "none",
    "webhook_id": "none",
    "name": "clip-000.srt",
    "stage": "a",
    "number": "1",
}
QUERIES = {"/playlists": signature(SOURCE)}


def paths(routes):
    for route in routes:
        if isinstance(route, Mount):
            yield f"{route.path}/app.js"
        elif router := getattr(route, "original_router", None):
            yield from paths(router.routes)
        elif isinstance(route, Route) and "GET" in (route.methods or ()):
            yield re.sub(r"\{([^}]+)\}", lambda found: VALUES[found[1]], route.path)


PATHS = sorted(set(paths(app().routes)))


def api():
    made = done(SOURCE, "a", ROLES, summary={"subtitles": []})
    return client(video(SOURCE, made), artifacts=FakeArtifacts(FILES))


def out_of_reach(_):
    raise EndpointConnectionError(endpoint_url="")


@pytest.mark.parametrize("path", PATHS)
def test_head_has_the_headers_of_get_and_no_body(path, monkeypatch):
    # A signature of the next second is as long, but is compressed to another length.
    plain = {"Accept-Encoding": "identity"}
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: 1_800_000_000.0)
    for part in ("jobs", "search", "webhooks"):  # they need AWS
        monkeypatch.setattr(bootstrap, part, out_of_reach)
    query = next((f"?{one}" for start, one in QUERIES.items() if path.startswith(start)), "")
    got, head = (api().request(method, path + query, headers=plain) for method in ("GET", "HEAD"))
    assert got.status_code != 405
    assert head.status_code == got.status_code
    assert head.content == b""
    kept = {k: v for k, v in got.headers.items() if k != "x-request-id"}
    assert {k: v for k, v in head.headers.items() if k != "x-request-id"} == kept


def test_head_of_a_long_answer_names_its_length_and_compression():
    head = api().request("HEAD", f"/videos/{SOURCE.video_id}/transcript.vtt")
    assert head.headers["Content-Encoding"] == "gzip"
    assert int(head.headers["Content-Length"]) > 0


def test_head_of_an_address_that_only_takes_posts_is_not_allowed():
    answer = api().request("HEAD", f"/videos/{SOURCE.video_id}/versions/a/rollback")
    assert (answer.status_code, answer.headers["Allow"], answer.content) == (405, "POST", b"")


def test_head_is_measured_as_itself_with_its_route(monkeypatch):
    recorded = []
    monkeypatch.setattr(
        "pipeline.api.measured.metrics.record",
        lambda name, *_, **tags: recorded.append((name, tags)),
    )
    api().request("HEAD", f"/videos/{SOURCE.video_id}")
    ((name, tags),) = recorded
    assert name is names.HTTP_REQUESTS
    assert (tags["method"], tags["route"], tags["status"]) == ("HEAD", "/videos/{video_id}", "200")


def test_an_ordinary_server_gets_one_empty_body():
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        await asyncio.Event().wait()  # the client waits for its answer

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "HEAD",
        "scheme": "http",
        "path": "/web/app.js",
        "raw_path": b"/web/app.js",
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(api().app(scope, receive, send))
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == b""
    assert scope["method"] == "HEAD"
