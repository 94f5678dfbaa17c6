"""Addresses and their queries: slashes, unknown parameters, ETags, other origins."""

import json
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from pipeline.api import cors
from pipeline.core.records import StageRun
from tests.fakes.query import app, client, done, upload, video
from tests.fakes.replays import FakeReplays, moves, plan

INFRA = Path(__file__).parents[3] / "infra" / "api.tf"
PAGE = "https://app.example"
PREFLIGHT = {"Origin": PAGE, "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize("path", ["/videos/", "/health/", "/replays/", "/sign-in/", "/stages//"])
def test_a_slash_at_the_end_changes_nothing(path):
    assert client().get(path).status_code == 200
    assert client().get(path).text == client().get(path.rstrip("/")).text


def test_a_page_is_redirected_to_the_address_that_its_parts_are_relative_to():
    answer = client().get("/docs/")
    assert answer.status_code == 308
    assert urljoin("http://proxy/a/docs/", answer.headers["Location"]) == "http://proxy/a/docs"


def test_a_write_with_a_slash_at_the_end_is_not_redirected():
    api = client(replays=FakeReplays(driver=moves(state="planned", plan=plan())))
    assert api.request("POST", "/replays/", json={}).status_code == 201


@pytest.mark.parametrize("path", ["/videos", "/search", "/labels", "/replays", "/health"])
def test_an_unknown_query_parameter_is_rejected_and_the_known_ones_are_named(path):
    answer = client().get(f"{path}?limits=3&q2=x")
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (400, "unknown_parameter")
    assert problem["unknown"] == ["limits", "q2"]
    document = app().openapi()["paths"][path]["get"]
    known = sorted(one["name"] for one in document.get("parameters", ()))
    assert problem["known"] == known
    assert (", ".join(known) or "none") in problem["detail"]


def test_a_mistyped_query_parameter_is_named_with_the_nearest():
    assert "Did you mean label?" in client().get("/videos?labels=dog").json()["detail"]


def test_many_unknown_parameters_are_told_in_few_words():
    answer = client().get("/videos?" + "&".join(f"{n}{'x' * 300}=1" for n in range(9)))
    assert [len(name) for name in answer.json()["unknown"]] == [100] * 5


def test_a_query_parameter_of_a_dependency_is_known():
    source = upload()
    answer = client(video(source)).get(f"/playlists/{source.video_id}/a.m3u8?expires=1&x=1")
    assert answer.json()["known"] == ["expires", "signature"]


def test_a_page_takes_any_query():
    assert client().get("/?utm_source=x").status_code == 200


def seen(label: str) -> StageRun:
    return done(upload(), "a", {"subtitles": "subtitles_vtt"}, labels=[label], summary={})


@pytest.mark.parametrize(
    "path", ["/videos", "/labels", "/stages", "/replays", "/videos/{video_id}/versions"]
)
def test_a_list_is_sent_again_only_when_it_changed(path, monkeypatch):
    monkeypatch.setattr("pipeline.results.versions.Versions.of", lambda *_: [])
    api = client(video(upload(), seen("dog")))
    path = path.format(video_id=upload().video_id)
    first = api.get(path)
    again = api.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert first.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("path", ["/videos", "/labels"])
def test_a_list_that_changed_has_another_etag(path):
    tags = {client(video(upload(), seen(one))).get(path).headers["ETag"] for one in ("dog", "cat")}
    assert len(tags) == 2


def test_labels_are_counted_the_commonest_first():
    videos = [
        video(upload(number), done(upload(number), "a", labels=labels))
        for number, labels in enumerate([["cat", "dog"], ["dog"], []])
    ]
    assert client(*videos).get("/labels").json() == {
        "labels": [{"label": "dog", "videos": 2}, {"label": "cat", "videos": 1}],
        "videos": 3,
        "next_cursor": None,
    }


def test_the_count_of_labels_continues_at_its_cursor(monkeypatch):
    monkeypatch.setattr("pipeline.aws.catalog.listing.EXAMINED", 2)
    api = client(*(video(upload(n), done(upload(n), "a", labels=["dog"])) for n in range(3)))
    first = api.get("/labels").json()
    rest = api.get("/labels", params={"cursor": first["next_cursor"]}).json()
    assert (first["videos"], rest["videos"], rest["next_cursor"]) == (2, 1, None)


def test_stages_have_their_parameters_with_the_values_of_this_installation():
    api = client(params={"detect": {"confidence": 0.4}})
    stages = {one["stage"]: one for one in api.get("/stages").json()["stages"]}
    assert list(stages) == ["transcode", "thumbnail", "transcribe", "detect"]
    (found,) = [one for one in stages["detect"]["parameters"] if one["name"] == "confidence"]
    assert (found["default"], found["value"]) == (0.25, 0.4)
    assert found["type"].startswith("number")


def test_a_stage_whose_code_is_on_other_hosts_is_listed(monkeypatch):
    def missing(_):
        raise ModuleNotFoundError

    monkeypatch.setattr("pipeline.api.stages.load", missing)
    (first, *_) = client().get("/stages").json()["stages"]
    assert first == {"stage": "transcode", "gpu": False, "version": None, "parameters": []}


def test_pages_of_other_origins_may_do_nothing_unless_they_are_set():
    api = client()
    assert "Access-Control-Allow-Origin" not in api.get("/videos", headers=PREFLIGHT).headers
    assert api.request("POST", "/replays", json={}, headers={"Origin": PAGE}).status_code == 403


def test_pages_of_an_origin_that_is_set_may_read_and_write():
    replays = FakeReplays(driver=moves(state="planned", plan=plan()))
    api = client(replays=replays, cors_origins=frozenset({PAGE}))
    asked = api.request("OPTIONS", "/replays", headers=PREFLIGHT)
    assert (asked.status_code, asked.headers["Access-Control-Allow-Origin"]) == (200, PAGE)
    assert "Access-Control-Allow-Credentials" not in asked.headers
    for name, status in (("authorization", 200), ("x-other", 400)):
        more = {**PREFLIGHT, "Access-Control-Request-Headers": name}
        assert api.request("OPTIONS", "/replays", headers=more).status_code == status
    cross = {"Origin": PAGE, "Sec-Fetch-Site": "cross-site"}
    written = api.request("POST", "/replays", json={}, headers=cross)
    assert (written.status_code, written.headers["Access-Control-Allow-Origin"]) == (201, PAGE)
    read = written.headers["Access-Control-Expose-Headers"]
    assert {"ETag", "Location"} <= set(read.split(", "))
    other = {"Origin": "https://other.example"}
    assert api.request("POST", "/replays", json={}, headers=other).status_code == 403
    assert "Access-Control-Allow-Origin" not in api.get("/videos", headers=other).headers


def test_a_failure_can_be_read_by_a_page_of_another_origin():
    api = client(cors_origins=frozenset({PAGE}))
    answer = api.get("/videos/nothing", headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (404, PAGE)


def test_the_same_is_open_to_other_origins_here_and_behind_api_gateway():
    (body,) = re.findall(r"^  cors = \{\n(.*?)^  \}", INFRA.read_text(), re.MULTILINE | re.DOTALL)
    ours = {
        "methods": cors.METHODS,
        "headers": [name.lower() for name in cors.SENT],
        "exposed": [name.lower() for name in cors.READ],
    }
    for name, listed in ours.items():
        (line,) = re.findall(rf"^ +{name} += (\[.*\])$", body, re.MULTILINE)
        assert sorted(json.loads(line)) == sorted(listed), name
