"""Versions by REST: lists, differences, and rejected requests."""

import pytest

from pipeline.api.app import create_app
from pipeline.aws import clients as aws
from pipeline.core.events import Deletion
from tests.fakes.query import Client
from tests.fakes.seed import Seed


@pytest.fixture
def seed(stored, tmp_path) -> Seed:
    return Seed.of(stored, tmp_path)


@pytest.fixture
def api(seed, stored) -> Client:
    return Client(create_app(settings=stored, catalog=seed.catalog, artifacts=seed.artifacts))


@pytest.fixture
def talk(seed):
    """A video that was transcribed twice, and had objects detected once."""
    upload = seed.upload("talk.mp4")
    seed.transcribe(upload, "good day", "good night")
    seed.transcribe(upload, "good day", "good light")
    seed.detect(upload, {"star": [(0, 1)]})
    return upload


def path(upload, rest=""):
    return f"/videos/{upload.video_id}/versions{rest}"


def rejected(answer):
    return answer.status_code, answer.json()["code"]


def test_versions_are_listed_by_stage(api, talk):
    answer = api.get(path(talk))
    found = answer.json()["versions"]
    assert [
        (one["stage"], one["fingerprint"], one["current"], one["rollback_target"]) for one in found
    ] == [
        ("transcribe", "transcribe-1", False, True),
        ("transcribe", "transcribe-2", True, False),
        ("detect", "detect-1", True, False),
    ]
    assert "no-cache" in answer.headers["Cache-Control"]
    only = api.get(path(talk, "?stage=detect")).json()["versions"]
    assert [one["fingerprint"] for one in only] == ["detect-1"]


def test_the_difference_of_two_versions_has_the_words(api, talk):
    found = api.get(path(talk, "/diff?stage=transcribe")).json()
    assert (found["before"], found["after"]) == ("transcribe-1", "transcribe-2")
    assert found["transcript"]["wer"] == 0.25
    assert found["transcript"]["changes"] == [{"time": 1.5, "before": "night", "after": "light"}]
    turned = api.get(path(talk, "/diff?stage=transcribe&after=transcribe-1")).json()
    assert turned["transcript"]["changes"][0]["before"] == "light"
    assert (
        api.get(path(talk, "/diff?stage=transcribe&before=transcribe-2")).json()["labels"] is None
    )


def test_one_call_promotes_and_one_rolls_back(api, talk):
    answer = api.request("POST", path(talk, "/transcribe/transcribe-1/promote"))
    assert (answer.status_code, answer.json()["fingerprint"]) == (200, "transcribe-1")
    assert answer.json()["current"]
    assert "night" in api.get(f"/videos/{talk.video_id}/transcript.txt").text
    answer = api.request("POST", path(talk, "/transcribe/rollback"))
    assert answer.json()["fingerprint"] == "transcribe-2"
    assert "light" in api.get(f"/videos/{talk.video_id}/transcript.txt").text


def test_what_cannot_be_done_is_rejected_with_its_reason(api, seed, stored, talk):
    def post(rest):
        return rejected(api.request("POST", path(talk, rest)))

    assert post("/transcribe/00000000/promote") == (404, "unknown_version")
    assert post("/transcribe/trans/promote") == (404, "unknown_version")
    assert post("/transcribe/transcribe-/promote") == (422, "ambiguous_version")
    assert post("/nosuch/00000000/promote") == (422, "unknown_stage")
    assert post("/detect/rollback") == (409, "no_earlier_version")
    aws.client("s3").delete_object(
        Bucket=stored.names.artifacts_bucket,
        Key=seed.catalog.results.get(talk.video_id, "transcribe", "transcribe-1").prefix
        + "manifest.json",
    )
    assert post("/transcribe/transcribe-1/promote") == (410, "version_gone")
    seed.claim(talk, "transcribe")
    assert post("/transcribe/transcribe-2/promote") == (409, "stage_busy")
    assert rejected(api.get(path(talk, "/diff?stage=detect"))) == (409, "no_earlier_version")
    assert rejected(api.get(path(talk, "/diff?stage=thumbnail"))) == (404, "unknown_version")
    assert rejected(api.get(path(talk, "/diff"))) == (422, "invalid_request")
    assert rejected(api.get(path(talk, "?stage=nosuch"))) == (422, "unknown_stage")


def test_versions_of_no_video_and_of_a_deleted_one_are_rejected(api, seed, talk):
    assert rejected(api.get(f"/videos/{'0' * 20}/versions")) == (404, "unknown_video")
    seed.catalog.record_deletion(
        Deletion(
            event_id="gone",
            time=talk.time,
            bucket=talk.bucket,
            key=talk.key,
            sequencer="f" * 40,
        )
    )
    assert rejected(api.get(path(talk))) == (410, "video_deleted")
    assert rejected(api.request("POST", path(talk, "/transcribe/rollback"))) == (
        410,
        "video_deleted",
    )
