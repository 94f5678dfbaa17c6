"""The subtitles and chapters of a file, by the API."""

import pytest

from tests.fakes.query import FakeArtifacts, client, done, upload, video

SOURCE = upload()
BASE = f"artifacts/{SOURCE.video_id}/transcode/"
PATH = f"/videos/{SOURCE.video_id}"
FILES = {
    "hls/subtitles-1/subtitles-1.eng.vtt": "subtitles_vtt",
    "hls/subtitles-2/subtitles-2.vtt": "subtitles_vtt",
    "chapters.json": "chapters_json",
    "chapters.vtt": "chapters_vtt",
}
LISTED = [
    {"number": 1, "name": "English", "language": "eng", "default": True, "forced": False},
    {"number": 2, "name": "Subtitles 2", "language": None, "default": False, "forced": False},
]
CHAPTERS = '{"chapters":[{"start":0.0,"end":1.0,"title":"Intro"}]}'


@pytest.fixture
def api():
    contents = {BASE + name: name.encode() for name in FILES}
    contents[f"{BASE}chapters.json"] = CHAPTERS.encode()
    made = done(SOURCE, "transcode", FILES, summary={"subtitles": LISTED})
    return client(video(SOURCE, made), artifacts=FakeArtifacts(contents))


def test_a_video_links_to_its_subtitles_and_chapters(api):
    links = api.get(PATH).json()["links"]
    assert links["subtitles"] == f"{PATH}/subtitles"
    assert links["chapters"] == f"{PATH}/chapters"


def test_subtitles_are_listed_and_each_is_webvtt(api):
    assert api.get(f"{PATH}/subtitles").json() == {"subtitles": LISTED}
    for number, name in enumerate(list(FILES)[:2], 1):
        answer = api.get(f"{PATH}/subtitles/{number}.vtt")
        assert answer.text == name
        assert answer.headers["Content-Type"] == "text/vtt; charset=utf-8"
        again = {"If-None-Match": answer.headers["ETag"]}
        assert api.get(f"{PATH}/subtitles/{number}.vtt", headers=again).status_code == 304


@pytest.mark.parametrize(("number", "status"), [("3", 404), ("0", 422), ("x", 422)])
def test_a_number_without_subtitles_is_an_error(api, number, status):
    assert api.get(f"{PATH}/subtitles/{number}.vtt").status_code == status


def test_chapters_are_json_or_webvtt(api):
    assert api.get(f"{PATH}/chapters").json()["chapters"][0]["title"] == "Intro"
    assert api.get(f"{PATH}/chapters?format=vtt").text == "chapters.vtt"


def test_a_video_without_them_says_so():
    api = client(video(SOURCE, done(SOURCE, "transcode", {})))
    for path in ("subtitles", "subtitles/1.vtt", "chapters"):
        answer = api.get(f"{PATH}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_made")
