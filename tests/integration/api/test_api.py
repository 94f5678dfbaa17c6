"""The API over a real catalog and real files, and its handler under AWS's own runtime client."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.errors import BadInput
from pipeline.core.events import Deletion
from pipeline.core.settings import Settings
from pipeline.hosts.worker.functions import Function
from pipeline.hosts.worker.runtime import Response, Runtime
from tests.fakes.lambda_events import http as event
from tests.fakes.query import Client
from tests.fakes.seed import START, Seed


@pytest.fixture
def seed(stored: Settings, tmp_path) -> Seed:
    return Seed.of(stored, tmp_path)


@pytest.fixture
def api(seed: Seed, stored: Settings) -> Client:
    return Client(create_app(settings=stored, catalog=seed.catalog, artifacts=seed.artifacts))


def test_a_video_from_upload_to_ready(seed, api):
    upload = seed.upload("clip.mp4")
    path = f"/videos/{upload.video_id}"
    assert api.get(path).json()["status"] == "processing"
    assert api.get(f"{path}/transcript").status_code == 409
    seed.probe(upload)
    seed.progress(upload, "detect", 30)
    view = api.get(path).json()
    assert {stage["stage"]: stage["progress"] for stage in view["stages"]}["detect"] == 30
    assert view["duration_s"] == 2
    seed.transcode(upload)
    view = api.get(path).json()
    assert view["playable"]
    assert view["status"] == "processing"
    seed.thumbnail(upload)
    seed.transcribe(upload, "hello there")
    assert api.get(f"{path}/transcript.txt").text == "hello there\n"


def test_what_the_api_hands_out_can_be_fetched(seed, api):
    upload = seed.upload("clip 映画.mp4")
    seed.transcode(upload, mp4=b"the mp4")
    seed.thumbnail(upload)
    view = api.get(f"/videos/{upload.video_id}").json()
    (mp4,) = [one for stage in view["stages"] for one in stage["artifacts"] if one["role"] == "mp4"]
    assert httpx.get(mp4["url"], trust_env=False).content == b"the mp4"
    saved = httpx.get(mp4["download_url"], trust_env=False)
    disposition = saved.headers["Content-Disposition"]
    assert disposition.startswith('attachment; filename="clip__-video-180p.mp4"; ')
    assert disposition.endswith("; filename*=UTF-8''clip_%E6%98%A0%E7%94%BB-video-180p.mp4")
    master = api.get(view["links"]["playlist"])
    folder = view["links"]["playlist"].rpartition("/")[0]
    media = api.get(f"{folder}/{master.text.splitlines()[-1]}").text.splitlines()
    assert httpx.get(media[-2], trust_env=False).content == b"initsegment"  # both are parts of it
    sheet = api.get(view["links"]["storyboard"]).text.splitlines()[-1]
    assert httpx.get(sheet.partition("#")[0], trust_env=False).content == b"jpeg"


def test_detections_are_filtered_from_the_file(seed, api):
    upload = seed.upload("clip.mp4")
    seed.detect(upload, {"dog": [(0.0, 2.0)], "cat": [(1.0, 1.0)]})
    path = f"/videos/{upload.video_id}/detections"
    frames = api.get(f"{path}?label=cat").json()["frames"]
    assert [frame["time"] for frame in frames] == [1.0]
    assert len(api.get(f"{path}/tracks").json()["tracks"]) == 2


def test_a_label_finds_its_videos_until_it_is_no_longer_seen(seed, api):
    first, second = seed.upload("a.mp4"), seed.upload("b.mp4")
    seed.detect(first, {"Dog": [(0, 1)]})
    seed.detect(second, {"dog": [(0, 1)], "cat": [(0, 1)]})

    def names(label):
        return [one["name"] for one in api.get(f"/videos?label={label}").json()["videos"]]

    assert names("dog") == ["b.mp4", "a.mp4"]
    assert names("cat") == ["b.mp4"]
    seed.detect(second, {"bird": [(0, 1)]})
    assert names("dog") == ["a.mp4"]


def test_paging_crosses_months_and_leaves_out_the_deleted(seed, api):
    uploads = [
        seed.upload(f"{month}.mp4", at=datetime(2026, month, 1, tzinfo=UTC))
        for month in (1, 2, 3, 4)
    ]
    gone = uploads[1]
    seed.catalog.record_deletion(
        Deletion(event_id="e", time=START, bucket=gone.bucket, key=gone.key, sequencer="9" * 40)
    )
    names, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/videos?limit=1{cursor and f'&cursor={cursor}'}").json()
        names += [one["name"] for one in page["videos"]]
        cursor = page["next_cursor"]
    assert names == ["4.mp4", "3.mp4", "1.mp4"]
    assert api.get(f"/videos/{gone.video_id}").status_code == 410


def test_a_new_upload_moves_a_video_to_the_top_once(seed, api):
    first = seed.upload("a.mp4", at=datetime(2026, 1, 1, tzinfo=UTC))
    seed.detect(first, {"dog": [(0, 1)]})
    seed.upload("b.mp4", at=datetime(2026, 1, 2, tzinfo=UTC))
    seed.upload("a.mp4", at=datetime(2026, 2, 1, tzinfo=UTC))
    listed = api.get("/videos").json()["videos"]
    assert [one["name"] for one in listed] == ["a.mp4", "b.mp4"]
    assert api.get("/videos?label=dog").json()["videos"] == []


def test_a_failure_is_shown_as_it_was_recorded(seed, api, stored):
    upload = seed.upload("notes.mp4")
    for stage in stored.topology.stages:
        seed.fail(upload, stage, BadInput("not_media", "This is a text file."))
    view = api.get(f"/videos/{upload.video_id}").json()
    assert view["status"] == "failed"
    assert view["stages"][0]["error"] == {
        "class": "bad_input",
        "code": "not_media",
        "message": "This is a text file.",
        "retryable": False,
    }
    answer = api.get(f"/videos/{upload.video_id}/transcript")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_made")


def test_a_table_that_is_not_there_is_an_unhealthy_service(config: Settings):
    api = Client(create_app(settings=config))
    answer = api.get("/health")
    assert (answer.status_code, answer.json()["code"]) == (503, "service_unavailable")


def test_the_list_never_scans(seed, api):
    table = aws.table(seed.catalog._table._table.name)
    used = []
    table.meta.client.meta.events.register(
        "before-call.dynamodb", lambda model, **_: used.append(model.name)
    )
    seed.upload("a.mp4")
    used.clear()
    for query in (
        "",
        "?status=ready",
        "?label=dog",
        "?prefix=x",
        "?uploaded_after=2026-01-01T00:00:00Z",
    ):
        assert api.get(f"/videos{query}").status_code == 200
    assert set(used) <= {"Query", "GetItem", "BatchGetItem"}
    assert "Query" in used


@pytest.fixture
def runtime(
    stored: Settings,  # noqa: ARG001 - needed for its effect
) -> Iterator[Runtime]:
    function = Function("query", "handlers.query.handler", 30, 512)
    arn = "arn:aws:lambda:us-east-1:111122223333:function:query"
    runtime = Runtime(function, arn, "us-east-1")
    yield runtime
    runtime.close()


def test_the_handler_answers_under_the_lambda_runtime(runtime, seed):
    upload = seed.upload("clip.mp4")
    answer = runtime.invoke(event("/videos", "limit=5"))
    assert isinstance(answer, Response), answer
    assert answer.payload["statusCode"] == 200
    assert [one["video_id"] for one in json.loads(answer.payload["body"])["videos"]] == [
        upload.video_id
    ]
    missing = runtime.invoke(event("/videos/none")).payload
    assert missing["statusCode"] == 404
    assert json.loads(base64.b64decode(missing["body"]))["code"] == "unknown_video"
