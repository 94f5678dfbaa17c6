import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from pipeline.api import caching, page
from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core import beats
from pipeline.core.records import Spread
from pipeline.core.setting_types import SignIn
from tests.fakes.query import (
    ORIGIN,
    FakeArtifacts,
    FakeCatalog,
    client,
    done,
    failed,
    run,
    signature,
    upload,
    video,
)

WEB = Path(page.__file__).with_name("web")

SPEECH = {
    "transcript.json": "transcript_json",
    "captions.vtt": "captions_vtt",
    "captions.srt": "captions_srt",
    "transcript.txt": "transcript_txt",
}
HLS = {"hls/master.m3u8": "hls_master", "video.mp4": "mp4"}


def api_of(source, *runs, files=None):
    return client(video(source, *runs), artifacts=FakeArtifacts(files))


# -- videos --------------------------------------------------------------------------------------


def test_videos_are_listed_newest_first_and_page_by_page():
    api = client(*(video(upload(n)) for n in range(3)))
    first = api.get("/videos?limit=2").json()
    assert [one["name"] for one in first["videos"]] == ["clip-002.mp4", "clip-001.mp4"]
    rest = api.get("/videos", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["name"] for one in rest["videos"]] == ["clip-000.mp4"]
    assert rest["next_cursor"] is None


def test_every_filter_of_the_list_has_an_effect():
    ready = video(upload(1), done(upload(1), "a", labels=["cat"]))
    going = video(upload(2, key="videos/b/x.mp4"), run(upload(2), "a", "running"))
    api = client(ready, going)

    def names(query):
        return [one["name"] for one in api.get(f"/videos?{query}").json()["videos"]]

    assert names("") == ["x.mp4", "clip-001.mp4"]
    assert names("status=ready") == ["clip-001.mp4"]
    assert names("label=CAT") == ["clip-001.mp4"]
    assert names("prefix=videos/b/") == ["x.mp4"]
    assert names("uploaded_after=2026-03-01T12:02:00Z") == ["x.mp4"]
    assert names("uploaded_before=2026-03-01T12:02:00Z") == ["clip-001.mp4"]


def test_links_name_what_there_is_and_nothing_else(monkeypatch):
    monkeypatch.setattr("pipeline.api.playback.time.time", lambda: 1_800_000_000.0)
    source = upload()
    base = f"/videos/{source.video_id}"
    bare = api_of(source, run(source, "a", "pending")).get(base).json()
    assert bare["links"] == {"self": base}
    full = api_of(source, done(source, "a", HLS), done(source, "b", SPEECH)).get(base).json()
    assert full["links"] == {
        "self": base,
        "playlist": f"/playlists/{source.video_id}/hls/master.m3u8?{signature(source)}",
        "transcript": f"{base}/transcript",
        "captions": f"{base}/transcript.vtt",
        "versions": f"{base}/versions",
    }


def test_a_video_is_sent_again_only_when_it_changed():
    source = upload()
    path = f"/videos/{source.video_id}"
    tag = api_of(source, run(source, "a", "running", progress=10)).get(path).headers["ETag"]
    known = {"If-None-Match": f'"other", {tag}'}
    same = api_of(source, run(source, "a", "running", progress=10)).get(path, headers=known)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    changed = api_of(source, run(source, "a", "running", progress=11)).get(path, headers=known)
    assert changed.status_code == 200


def test_the_parts_at_work_are_told_of_a_single_video_only():
    source = upload()
    spread = Spread(total=181, fingerprint="f", queue="q")
    api = api_of(source, run(source, "a", "running", spread=spread, ended=frozenset({"x-1"})))
    shown = [
        api.get("/videos").json()["videos"][0]["stages"][0],
        api.get(f"/videos/{source.video_id}").json()["stages"][0],
    ]
    assert [stage["parts"] for stage in shown] == [
        {"total": 181, "ended": 1, "at_work": at_work} for at_work in (None, 2)
    ]


def test_a_client_gets_fresh_urls_before_the_ones_it_holds_expire(monkeypatch):
    source = upload()
    path = f"/videos/{source.video_id}"
    api = api_of(source, done(source, "a", HLS))
    now = 1_000_000 * 1800.0
    monkeypatch.setattr("pipeline.api.caching.time.time", lambda: now)
    known = {"If-None-Match": api.get(path).headers["ETag"]}
    monkeypatch.setattr("pipeline.api.caching.time.time", lambda: now + 1799)
    assert api.get(path, headers=known).status_code == 304
    monkeypatch.setattr("pipeline.api.caching.time.time", lambda: now + 1801)
    assert api.get(path, headers=known).status_code == 200


def test_answers_with_signed_urls_are_never_shared():
    source = upload()
    api = api_of(
        source,
        done(source, "a", HLS),
        files={f"artifacts/{source.video_id}/a/hls/master.m3u8": b"#EXTM3U"},
    )
    for path in (
        "/videos",
        f"/videos/{source.video_id}",
        f"/playlists/{source.video_id}/hls/master.m3u8?{signature(source)}",
    ):
        assert "private" in api.get(path).headers["Cache-Control"]


# -- transcript ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "name", "media_type"),
    [
        ("json", "transcript.json", "application/json"),
        ("vtt", "captions.vtt", "text/vtt; charset=utf-8"),
        ("srt", "captions.srt", "application/x-subrip; charset=utf-8"),
        ("txt", "transcript.txt", "text/plain; charset=utf-8"),
    ],
)
def test_each_form_of_the_transcript_has_two_addresses(form, name, media_type):
    source = upload()
    files = {f"artifacts/{source.video_id}/speech/{name}": "Grüße".encode()}
    api = api_of(source, done(source, "speech", SPEECH), files=files)
    for path in (f"transcript?format={form}", f"transcript.{form}"):
        answer = api.get(f"/videos/{source.video_id}/{path}")
        assert answer.content == "Grüße".encode()
        assert answer.headers["Content-Type"] == media_type
        saved = answer.headers["Content-Disposition"]
        assert saved == f'inline; filename="clip-000-{name}"'


def test_the_transcript_is_json_unless_asked_otherwise_and_no_other_form():
    source = upload()
    files = {f"artifacts/{source.video_id}/speech/transcript.json": b"{}"}
    api = api_of(source, done(source, "speech", SPEECH), files=files)
    base = f"/videos/{source.video_id}"
    assert api.get(f"{base}/transcript").json() == {}
    assert api.get(f"{base}/transcript?format=pdf").status_code == 422
    assert api.get(f"{base}/transcript.pdf").status_code == 422


def test_a_transcript_that_has_not_changed_is_not_read_again():
    source = upload()
    artifacts = FakeArtifacts({f"artifacts/{source.video_id}/speech/captions.vtt": b"WEBVTT"})
    api = client(video(source, done(source, "speech", SPEECH)), artifacts=artifacts)
    path = f"/videos/{source.video_id}/transcript.vtt"
    tag = api.get(path).headers["ETag"]
    artifacts.files.clear()
    assert api.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_a_transcript_that_may_still_come_is_a_conflict_that_says_how_far_it_is():
    source = upload()
    api = api_of(source, done(source, "a"), run(source, "hear", "running", progress=42))
    answer = api.get(f"/videos/{source.video_id}/transcript")
    found = answer.json()
    assert (answer.status_code, found["code"]) == (409, "not_ready")
    assert "hear is running (42 %)" in found["detail"]
    assert found["stages"][1] == {
        "stage": "hear",
        "state": "running",
        "progress": 42,
        "parts": None,
        "error": None,
        "stands_since": None,
    }
    assert int(answer.headers["Retry-After"]) > 0


def test_a_transcript_that_will_not_come_is_not_found_and_says_why():
    source = upload()
    api = api_of(
        source, failed(source, "hear", "The sound is broken."), run(source, "b", "skipped")
    )
    answer = api.get(f"/videos/{source.video_id}/transcript.vtt")
    found = answer.json()
    assert (answer.status_code, found["code"]) == (404, "not_made")
    assert "hear failed (The sound is broken)" in found["detail"]
    assert "b was left out" in found["detail"]
    assert found["stages"][0]["error"]["class"] == "bad_input"


# -- the storyboard -------------------------------------------------------------------------------


def test_the_storyboard_has_presigned_sheets_and_keeps_its_rectangles():
    source = upload()
    base = f"artifacts/{source.video_id}/thumbnail/"
    cue = "00:00.000 --> 00:01.000\nsheet-1.jpg#xywh=80,0,80,45\n"
    api = api_of(
        source,
        done(source, "thumbnail", {"storyboard.vtt": "storyboard_vtt"}),
        files={f"{base}storyboard.vtt": f"WEBVTT\n\n{cue}".encode()},
    )
    answer = api.get(f"/videos/{source.video_id}/storyboard.vtt")
    assert answer.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert answer.text.splitlines()[-1] == f"{ORIGIN}/{base}sheet-1.jpg?signed#xywh=80,0,80,45"


# -- the page, health and headers ----------------------------------------------------------------


# Where the page sends the parts of uploads.
UPLOADS = "https://videodrop-uploads.s3.amazonaws.com"


def policy_of(answer: Any) -> dict[str, str]:
    """The page's content security policy, by directive."""
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = answer.headers["Content-Security-Policy"]
    return dict(part.split(" ", 1) for part in policy.split("; "))


def test_the_page_loads_from_nowhere_but_here_and_the_files():
    answer = client().get("/")
    policy = policy_of(answer)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {ORIGIN} {UPLOADS}"
    assert policy["img-src"] == f"'self' {ORIGIN}"
    assert policy["media-src"] == f"'self' blob: {ORIGIN}"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "'none'"
    assert "//" not in answer.text.replace("<!doctype", "")


def test_the_documentation_loads_from_nowhere_but_here():
    answer = client().get("/docs")
    assert policy_of(answer) == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "lit-html default",
    }
    assert "//" not in answer.text.replace("<!doctype", "")


@pytest.mark.parametrize("name", ["rapidoc-min.js", "hls.min.mjs"])
def test_scripts_of_others_are_as_published(name):
    listed = (WEB / "vendor" / "README.md").read_text()
    digest = sha256((WEB / "vendor" / name).read_bytes()).hexdigest()
    assert digest in listed


def test_a_page_reaches_the_one_address_where_it_gets_tokens():
    token, known = "https://issuer.example/oauth2/token", "https://issuer.example/authorize"
    api = client(sign_in=SignIn(authorize=known, token=token, client_id="page"))
    assert (
        f"; connect-src 'self' {ORIGIN} {UPLOADS} {token};"
        in api.get("/").headers["Content-Security-Policy"]
    )
    assert api.get("/sign-in").json() == {
        "authorize": known,
        "token": token,
        "client_id": "page",
        "scope": "openid",
    }
    assert client().get("/sign-in").json() is None


@pytest.mark.parametrize("path", ["/videos", "/health", "/openapi.json", "/web/app.js", "/nothing"])
def test_every_answer_carries_the_security_headers(path):
    headers = client().get(path).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Permissions-Policy"] == "camera=(), geolocation=(), microphone=()"
    assert "Access-Control-Allow-Origin" not in headers


def test_long_answers_are_compressed():
    api = client(*(video(upload(n)) for n in range(20)))
    assert api.get("/videos").headers["Content-Encoding"] == "gzip"


def test_health_says_where_to_drop_videos():
    health = client().get("/health")
    assert health.json()["status"] == "ok"
    assert health.json()["drop"] == "s3://videodrop-uploads/videos/"
    assert "transcode" in health.json()["stages"]
    assert health.headers["Cache-Control"] == "no-store"


def test_health_names_the_parts_of_a_stack_that_are_silent(tmp_path):
    folder = tmp_path / "beats"
    beats.begin(folder)
    assert client(beats=folder).get("/health").status_code == 200
    os.utime(folder / beats.INBOX, (0, 0))
    health = client(beats=folder).get("/health")
    assert (health.status_code, health.json()["code"]) == (503, "part_silent")
    assert "inbox" in health.json()["detail"]


def test_an_etag_depends_on_every_part():
    tags = {caching.etag(*parts) for parts in [("a", 1), ("a", 2), ("b", 1), ("a1",), ("a",)]}
    assert len(tags) == 5


def test_creating_the_app_makes_no_client(monkeypatch):
    def forbidden(*_):
        raise AssertionError("a client was made")

    monkeypatch.setattr(aws, "client", forbidden)
    monkeypatch.setattr(aws, "table", forbidden)
    create_app()
    assert client(catalog=FakeCatalog()).get("/health").status_code == 200
