import json

import pytest

from pipeline.stages.detect.detections import Wanted, items
from tests.fakes.query import FakeArtifacts, client, done, upload, video
from tests.fakes.seed import detections


def chunked(content: bytes, size: int = 7):
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.fixture
def content(tmp_path):
    seen = {"dog": [(0.0, 99.0)], "Cat": [(1.0, 2.0)]}
    return detections(tmp_path / "d.json", seen, until=10)


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_items_come_out_whole_however_the_stream_is_cut(content, size):
    assert [json.loads(line) for line in items(chunked(content, size))] == json.loads(content)[
        "frames"
    ]


def test_an_empty_array_has_no_items(tmp_path):
    assert list(items([detections(tmp_path / "d.json", {}, until=0)])) == []


def test_label_and_confidence_choose_objects_and_time_chooses_frames(content):
    wanted = Wanted(label="cat", start=1.5, end=9, min_confidence=0.6)
    found = [frame for _, frame in wanted.frames([content])]
    assert [(frame.time, [one.label for one in frame.objects]) for frame in found] == [
        (1.5, ["Cat"]),
        (2.0, ["Cat"]),
    ]
    assert [frame for _, frame in Wanted(label="cat", min_confidence=0.9).frames([content])] == []


def test_reading_stops_behind_the_last_frame_asked_for(content):
    source = upload()
    files = FakeArtifacts({f"artifacts/{source.video_id}/detect/detections.json": content})
    one = video(source, done(source, "detect", {"detections.json": "detections_json"}))
    api = client(one, artifacts=files)
    api.get(f"/videos/{source.video_id}/detections", params={"end": 0.5})
    assert files.chunks_read < len(content) / 64 / 2


def test_frames_before_the_place_asked_for_are_not_parsed(content):
    damaged = content.replace(b'"label": "dog"', b'"label": 1', 1)
    assert [frame.time for _, frame in Wanted(start=9.4).frames([damaged])] == [9.5]


@pytest.fixture
def api(content):
    source = upload()
    best = {"time": 1, "confidence": 0.9, "box": [0, 0, 1, 1]}
    lines = [
        json.dumps({"id": n, "label": label, "start": n, "end": n + 1, "frames": 2, "best": best})
        for n, label in enumerate(["dog", "cat", "dog"])
    ]
    base = f"artifacts/{source.video_id}/detect/"
    files = {
        f"{base}detections.json": content,
        f"{base}tracks.json": ('{"tracks": [\n' + ",\n".join(lines) + "\n]}\n").encode(),
    }
    roles = {"detections.json": "detections_json", "tracks.json": "tracks_json"}
    api = client(video(source, done(source, "detect", roles)), artifacts=FakeArtifacts(files))
    api.base_url = f"http://api/videos/{source.video_id}"
    return api


def test_frames_come_in_pages_that_join_up(api):
    seen, query = [], {"limit": 6}
    while True:
        page = api.get("/detections", params=query).json()
        assert len(page["frames"]) <= 6
        seen += [frame["time"] for frame in page["frames"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert seen == [n / 2 for n in range(20)]


def test_a_cursor_of_another_result_is_rejected(api):
    cursor = api.get("/detections", params={"limit": 1}).json()["next_cursor"]
    other = api.get("/detections/tracks", params={"limit": 1}).json()["next_cursor"]
    assert api.get("/detections", params={"cursor": cursor}).status_code == 200
    for wrong in (other, "1-other", "x", "-1-", cursor.replace("1-", "x-", 1)):
        answer = api.get("/detections", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_cursor")


def test_tracks_are_chosen_by_label_and_time(api):
    def ids(**query):
        return [one["id"] for one in api.get("/detections/tracks", params=query).json()["tracks"]]

    assert ids() == [0, 1, 2]
    assert ids(label="DOG") == [0, 2]
    assert ids(start=1.5, end=1.8) == [1]
    assert ids(min_confidence=0.95) == []
    assert len(ids(limit=1)) == 1


def test_the_same_question_is_answered_by_304(api):
    first = api.get("/detections", params={"label": "dog"})
    known = {"If-None-Match": first.headers["ETag"]}
    assert api.get("/detections", params={"label": "dog"}, headers=known).status_code == 304
    assert api.get("/detections", params={"label": "cat"}, headers=known).status_code == 200
    tag = api.get("/detections/tracks").headers["ETag"]
    assert api.get("/detections/tracks", headers={"If-None-Match": tag}).status_code == 304
    assert api.get("/detections/tracks", headers=known).status_code == 200


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"min_confidence": 2}, {"start": -1}, {"end": "x"}]
)
def test_bad_filters_are_rejected(api, query):
    assert api.get("/detections", params=query).status_code == 422
