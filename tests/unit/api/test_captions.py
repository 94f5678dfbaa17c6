"""Captions that were uploaded beside a video."""

import pytest

from pipeline.core.sidecar import Sidecar
from tests.fakes.query import START, FakeArtifacts, FakeCatalog, client, done, upload, video

SOURCE = upload()
SRT = b"1\n00:00:01,000 --> 00:00:02,000\nHallo\n"


def sidecar(name, language=None, **fields):
    return Sidecar(
        bucket="uploads", key=f"videos/{name}", etag="e", size=9, language=language, **fields
    )


def api(*found, content=SRT, **fields):
    catalog = FakeCatalog([video(SOURCE, done(SOURCE, "a"), **fields)])
    catalog.sidecars.found = list(found)
    files = {one.key: content for one in found}
    return client(catalog=catalog, artifacts=FakeArtifacts(files))


def test_a_video_lists_its_captions_with_links_to_them():
    name = "clip-000 größer?.de.srt"
    found = api(sidecar(name, "de", flags=("forced",)))
    (shown,) = found.get(f"/videos/{SOURCE.video_id}").json()["captions"]
    assert (shown["name"], shown["language"], shown["flags"]) == (name, "de", ["forced"])
    answer = found.get(shown["link"])
    assert answer.text == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHallo\n"
    assert answer.headers["Content-Type"] == "text/vtt; charset=utf-8"
    saved = answer.headers["Content-Disposition"]
    assert saved.endswith("filename*=UTF-8''clip-000%20gr%C3%B6%C3%9Fer%3F.de.vtt")
    assert found.request("HEAD", shown["link"]).headers["ETag"] == answer.headers["ETag"]


def test_a_video_without_captions_has_none():
    assert api().get(f"/videos/{SOURCE.video_id}").json()["captions"] == []


def test_new_captions_change_the_tag_of_the_video():
    path = f"/videos/{SOURCE.video_id}"
    before, after = (one.get(path).headers["ETag"] for one in (api(), api(sidecar("clip-000.srt"))))
    assert before != after


def test_captions_that_have_not_changed_are_not_sent_again():
    found = api(sidecar("clip-000.srt"))
    path = f"/videos/{SOURCE.video_id}/captions/clip-000.srt"
    tag = found.get(path).headers["ETag"]
    assert found.get(path, headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("name", "content", "fields", "expected"),
    [
        ("other.srt", SRT, {}, (404, "unknown_captions")),
        ("clip-000.srt", b"text", {}, (422, "not_captions")),
        ("clip-000.srt", SRT, {"deleted_at": START}, (410, "video_deleted")),
    ],
)
def test_captions_that_cannot_be_shown_say_why(name, content, fields, expected):
    found = api(sidecar("clip-000.srt"), content=content, **fields)
    answer = found.get(f"/videos/{SOURCE.video_id}/captions/{name}")
    assert (answer.status_code, answer.json()["code"]) == expected
