import subprocess
import sys

import pytest

from pipeline import aws
from pipeline.api import caching, playlist
from pipeline.api.app import create_app
from pipeline.api.problems import Problem
from tests.unit.api.fakes import (
    ORIGIN,
    FakeArtifacts,
    FakeCatalog,
    client,
    done,
    failed,
    run,
    upload,
    video,
)

SPEECH = {
    "transcript.json": "transcript_json",
    "captions.vtt": "captions_vtt",
    "captions.srt": "captions_srt",
    "transcript.txt": "transcript_txt",
}
HLS = {
    "hls/master.m3u8": "hls_master",
    "hls/180p/index.m3u8": "hls_playlist",
    "hls/180p/init.mp4": "hls_init",
    "video.mp4": "mp4",
}


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


def test_links_name_what_there_is_and_nothing_else():
    source = upload()
    base = f"/videos/{source.video_id}"
    bare = api_of(source, run(source, "a", "pending")).get(base).json()
    assert bare["links"] == {"self": base}
    full = api_of(source, done(source, "a", HLS), done(source, "b", SPEECH)).get(base).json()
    assert full["links"] == {
        "self": base,
        "playlist": f"{base}/playlist/hls/master.m3u8",
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


def test_a_client_gets_fresh_urls_before_the_ones_it_holds_expire(monkeypatch):
    source = upload()
    path = f"/videos/{source.video_id}"
    api = api_of(source, done(source, "a", HLS))
    now = 1_000_000 * 1800.0
    monkeypatch.setattr("pipeline.api.video.time.time", lambda: now)
    known = {"If-None-Match": api.get(path).headers["ETag"]}
    monkeypatch.setattr("pipeline.api.video.time.time", lambda: now + 1799)
    assert api.get(path, headers=known).status_code == 304
    monkeypatch.setattr("pipeline.api.video.time.time", lambda: now + 1801)
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
        f"/videos/{source.video_id}/playlist/hls/master.m3u8",
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
        "error": None,
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


# -- playlists -----------------------------------------------------------------------------------

MASTER = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="URI=x",URI="../hls/180p/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1
180p/index.m3u8
"""
MEDIA = """#EXTM3U
# a comment
#EXT-X-MAP:URI="init.mp4",BYTERANGE="10@0"

#EXTINF:6.0,
00000%201.m4s
"""


@pytest.fixture
def player():
    source = upload()
    base = f"artifacts/{source.video_id}/transcode/"
    files = {
        f"{base}hls/master.m3u8": MASTER.encode(),
        f"{base}hls/180p/index.m3u8": MEDIA.encode(),
    }
    api = api_of(source, done(source, "transcode", HLS), files=files)
    api.base_url = f"http://api/videos/{source.video_id}"
    api.prefix = f"{ORIGIN}/{base}"
    return api


def test_playlists_in_a_playlist_stay_relative_to_this_api(player):
    answer = player.get("/playlist/hls/master.m3u8")
    assert answer.text == MASTER
    assert answer.headers["Content-Type"] == "application/vnd.apple.mpegurl"


def test_segments_and_initialization_sections_become_presigned(player):
    lines = player.get("/playlist/hls/180p/index.m3u8").text.splitlines()
    assert lines[1] == "# a comment"
    assert lines[2] == f'#EXT-X-MAP:URI="{player.prefix}hls/180p/init.mp4?signed",BYTERANGE="10@0"'
    assert lines[5] == f"{player.prefix}hls/180p/00000 1.m4s?signed"


@pytest.mark.parametrize(
    "name",
    [
        "hls/other",
        "hls/180p/%2e%2e/master",
        "%2e%2e%2f%2e%2e%2fsecret",
        "%2e%2e/%2e%2e/secret",
        "/etc/passwd",
        "hls%2F..%2F..%2Fx",
        "manifest",
    ],
)
def test_only_a_playlist_of_the_result_can_be_asked_for(player, name):
    answer = player.get(f"/playlist/{name}.m3u8")
    assert answer.status_code == 404
    assert answer.json()["code"] in {"unknown_playlist", "unknown_route"}


@pytest.mark.parametrize(
    "uri",
    [
        "data:text/plain,x",
        "https:x.ts",
        "//evil.example",
        "https://evil.example/x.ts",
        "//evil.example/x.ts",
        "/x.ts",
        "../x.ts",
        "a/../../x.ts",
    ],
)
def test_a_playlist_cannot_sign_anything_outside_its_result(uri):
    with pytest.raises(Problem):
        playlist.within("", uri)


def test_a_playlist_that_is_not_there_yet_says_so():
    source = upload()
    answer = api_of(source, run(source, "a", "pending")).get(
        f"/videos/{source.video_id}/playlist/hls/master.m3u8"
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "not_ready")
    assert "a is waiting for a worker" in answer.json()["detail"]


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


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_from_nowhere_but_here_and_the_files(path):
    answer = client().get(path)
    assert answer.headers["Content-Type"].startswith("text/html")
    policy = dict(
        part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; ")
    )
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["img-src"] == policy["media-src"] == f"'self' {ORIGIN}"
    assert policy["frame-ancestors"] == "'none'"
    assert "//" not in answer.text.replace("<!doctype", "")


@pytest.mark.parametrize("path", ["/videos", "/health", "/openapi.json", "/web/app.js", "/nothing"])
def test_every_answer_carries_the_security_headers(path):
    headers = client().get(path).headers
    assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
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


def test_an_etag_depends_on_every_part():
    tags = {caching.etag(*parts) for parts in [("a", 1), ("a", 2), ("b", 1), ("a1",), ("a",)]}
    assert len(tags) == 5


def test_the_api_loads_nothing_that_only_a_stage_needs():
    code = (
        "import sys, handlers.query\n"
        "heavy = {'torch', 'whisper', 'ultralytics', 'PIL', 'numpy', 'cv2', 'ffmpeg', 'moto',"
        " 'typer', 'rich', 'uvicorn', 'awslambdaric'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done_ = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done_.stdout.strip() == "[]"


def test_creating_the_app_makes_no_client(monkeypatch):
    def forbidden(*_):
        raise AssertionError("a client was made")

    monkeypatch.setattr(aws, "client", forbidden)
    monkeypatch.setattr(aws, "table", forbidden)
    create_app()
    assert client(catalog=FakeCatalog()).get("/health").status_code == 200
