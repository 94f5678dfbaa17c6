"""A page of another site cannot change anything; programs and our own pages can."""

import json

import pytest
from pydantic import ValidationError

from pipeline.core.settings import Settings
from tests.fakes.query import client, done, upload, video

SOURCE = upload()
WRITE = f"/videos/{SOURCE.video_id}/versions/toy/rollback"

OURS = [
    {},
    {"Origin": "http://api"},
    {"Origin": "https://API"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "http://api"},
    {"Sec-Fetch-Site": "none"},
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://api:8080"},
    {"Origin": "http://api.evil.example"},
    {"Origin": "http://api@evil.example"},
    {"Origin": "null"},
    {"Origin": "null", "Host": ""},
    {"Origin": "http://["},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://api"},
    {"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"},
]


@pytest.fixture
def api():
    return client(video(SOURCE, done(SOURCE, "toy")))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_a_page_of_another_site_writes_nothing(api, method, headers):
    answer = api.request(method, WRITE, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_address_is_beyond_the_guard(api):
    paths = api.get("/openapi.json").json()["paths"]
    writes = [(m, p) for p, methods in paths.items() for m in methods if m != "get"]
    assert writes
    others = ("/", "/web/app.js", "/nothing", "/files/bucket/key")
    for method, path in (*writes, *(("put", path) for path in others)):
        answer = api.request(method.upper(), path, headers=FOREIGN[0])
        assert answer.status_code == 403, path


@pytest.mark.parametrize("headers", OURS, ids=str)
def test_programs_and_our_own_pages_write(api, headers):
    assert api.request("DELETE", WRITE, headers=headers).status_code == 405


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_reading_needs_no_origin(api, method, headers):
    assert api.request(method, "/health", headers=headers).status_code in {200, 405}


def test_pages_behind_a_proxy_with_a_host_of_its_own_write_under_their_public_origin():
    video_of = video(SOURCE, done(SOURCE, "toy"))
    api = client(video_of, public_origins=["https://videos.example.com"])
    for headers in (
        {"Origin": "https://videos.example.com"},
        {"Origin": "https://videos.example.com", "Sec-Fetch-Site": "same-origin"},
        *OURS,
    ):
        assert api.request("DELETE", WRITE, headers=headers).status_code == 405
    for headers in (
        {"Origin": "http://videos.example.com"},
        {"Origin": "https://videos.example.com.evil.example"},
        {"Origin": "https://videos.example.com", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "https://evil.example", "X-Forwarded-Host": "evil.example"},
        *FOREIGN,
    ):
        assert api.request("DELETE", WRITE, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["null", "*", "https://*", "https://a.example/", "videos.example.com", "https://A.example"],
)
def test_a_public_origin_is_written_as_browsers_write_it(origin, monkeypatch):
    monkeypatch.setenv("VIDEODROP_PUBLIC_ORIGINS", json.dumps([origin]))
    with pytest.raises(ValidationError, match="public_origins"):
        Settings()
