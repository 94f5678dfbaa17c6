"""Results of the same bytes under another key: copied, and from then on the other video's own."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core.stage import Result
from pipeline.results.retention import Policy
from pipeline.runs.delivery import Delivery, Outcome
from tests.fakes import aws_events
from tests.fakes.rig import Rig, janitor, upload_of

SAME = b"the same bytes"
A, B, C = "videos/a.mp4", "videos/b.mp4", "videos/c.mp4"


@pytest.fixture
def first(rig: Rig) -> str:
    """Process a video, and return its event."""
    body = rig.put(SAME, A)
    assert rig.handle(body) is Outcome.SUCCEEDED
    return body


def labelled(rig: Rig) -> list[str]:
    """Return the videos that the index finds by their label."""
    return [place.partition("#")[2] for place in rig.catalog.timeline.newest(label="hello")]


def prune(rig: Rig) -> None:
    everything = datetime.now(UTC) + timedelta(days=1)
    bootstrap.retention(rig.config).prune(Policy(keep=0, before=everything))


def delete(rig: Rig, body: str) -> None:
    """Delete an upload, and its results."""
    upload = upload_of(body)
    gone = aws_events.deleted(upload.key, bucket=upload.bucket, sequencer="FF")
    janitor(rig.catalog, grace_s=0).handle(gone)
    prune(rig)


@pytest.mark.usefixtures("each_s3")
def test_the_same_bytes_under_another_key_are_not_processed_again(rig: Rig):
    one, two = rig.put(SAME, A), rig.put(SAME, B)
    assert rig.handle(one) is Outcome.SUCCEEDED
    assert rig.handle(two) is Outcome.REUSED
    assert rig.stage.runs == 1
    original, copy = rig.state(one).current_result, rig.state(two).current_result
    assert original is not None
    assert copy is not None
    assert copy.prefix.startswith(f"artifacts/{upload_of(two).video_id}/")
    assert copy.copied_from == original.prefix
    assert rig.text(copy) == rig.text(original) == "hello"
    made, copied = rig.manifest(original), rig.manifest(copy)
    assert copied["files"] == made["files"]
    assert copied["source"]["key"] == B
    assert (copied["copied_from"], copied["event_id"]) == (original.prefix, upload_of(two).event_id)


def test_what_is_known_of_the_other_video_is_its_own(rig: Rig, first: str):
    body = rig.put(SAME, B, author="me")
    rig.handle(body)
    video, run = rig.video(body), rig.state(body)
    assert video.probe == rig.video(first).probe
    assert video.metadata == {"author": "me"}
    assert sorted(labelled(rig)) == sorted([video.video_id, upload_of(first).video_id])
    assert (run.event_id, run.attempt) == (upload_of(body).event_id, 1)
    assert run.current_result is not None
    assert run.current_result.event_id == upload_of(body).event_id
    assert run.current_result.finished_at > rig.state(first).finished_at
    assert [one.fingerprint for one in rig.catalog.results.all(video.video_id)] == [
        run.current_result.fingerprint
    ]


def test_the_deletion_of_one_video_takes_nothing_from_the_other(rig: Rig, first: str):
    other = rig.put(SAME, B)
    rig.handle(other)
    delete(rig, first)
    assert {key.split("/")[1] for key in rig.stored()} == {upload_of(other).video_id}
    assert rig.text(rig.state(other).current_result) == "hello"
    third = rig.put(SAME, C)
    assert rig.handle(third) is Outcome.REUSED
    assert rig.text(rig.state(third).current_result) == "hello"


def test_what_was_deleted_is_computed_again(rig: Rig, first: str):
    delete(rig, first)
    assert rig.stored() == []
    assert rig.handle(rig.put(SAME, B)) is Outcome.SUCCEEDED


def test_a_result_whose_files_are_gone_is_computed_again(rig: Rig, first: str):
    for name in ("toy.txt", "manifest.json"):
        result = rig.state(first).current_result
        assert result is not None
        aws.client("s3").delete_object(
            Bucket=rig.config.names.artifacts_bucket, Key=result.prefix + name
        )
        body = rig.put(SAME, f"videos/without {name}.mp4")
        assert rig.handle(body) is Outcome.SUCCEEDED
        copy = rig.state(body).current_result
        assert copy is not None
        assert copy.copied_from is None
        assert rig.text(copy) == "hello"
        rig.catalog.results.put(upload_of(first).video_id, result)  # the latest video again


@pytest.mark.parametrize("change", ["option", "version", "bytes"])
def test_anything_else_is_computed(rig: Rig, first: str, change: str):
    assert first
    options, content = {}, SAME
    if change == "option":
        options = {"videodrop-toy-text": "other"}
    elif change == "version":
        rig.stage.VERSION = "2"
    else:
        content = SAME.upper()
    assert rig.handle(rig.put(content, B, **options)) is Outcome.SUCCEEDED


def test_an_upload_in_parts_finds_those_in_the_same_parts(rig: Rig, first: str):
    def in_parts(key: str) -> str:
        s3, there = aws.client("s3"), {"Bucket": upload_of(first).bucket, "Key": key}
        there |= {"UploadId": s3.create_multipart_upload(**there)["UploadId"]}
        etag = s3.upload_part(**there, PartNumber=1, Body=SAME)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        put = s3.complete_multipart_upload(**there, MultipartUpload=parts)
        given = {"etag": put["ETag"].strip('"'), "size": len(SAME), "event_id": key}
        return aws_events.created(key, bucket=there["Bucket"], **given)

    assert rig.handle(in_parts(B)) is Outcome.SUCCEEDED, "its ETag is not that of the bytes"
    assert rig.handle(in_parts(C)) is Outcome.REUSED


def test_a_request_for_other_parameters_takes_the_result_that_another_video_has(
    rig: Rig, first: str
):
    body = rig.put(SAME, B)
    rig.handle(body)
    rig.reprocess(first, "2", text="other")
    assert rig.reprocess(body, "2", text="other") is Outcome.REUSED
    assert rig.text(rig.state(body).current_result) == "other"
    assert rig.stage.runs == 2


def test_an_installation_may_keep_its_videos_apart(rig: Rig, first: str):
    assert rig.handle(first) is Outcome.CURRENT
    body = rig.put(SAME, B)
    assert rig.handle(body, share_results=False) is Outcome.SUCCEEDED
    assert rig.stage.runs == 2


def test_two_equal_uploads_at_one_moment_have_each_a_result_of_their_own(rig: Rig):
    one, two = rig.put(SAME, A), rig.put(SAME, B)
    usual, ended = rig.stage.run_, []

    def run(*given: Any) -> Result:
        rig.stage.run_ = usual
        ended.append(rig.handle(two))
        return usual(*given)

    rig.stage.run_ = run
    assert rig.handle(one) is Outcome.SUCCEEDED
    assert ended == [Outcome.SUCCEEDED]
    results = [rig.state(body).current_result for body in (one, two)]
    assert [rig.text(result) for result in results] == ["hello", "hello"]
    assert len({result and result.prefix for result in results}) == 2


def test_a_source_that_was_deleted_meanwhile_has_no_result(rig: Rig, first: str):
    assert first
    body = rig.put(SAME, B)
    aws.client("s3").delete_object(Bucket=upload_of(body).bucket, Key=B)
    assert rig.handle(body) is Outcome.FAILED
    assert rig.state(body).error.code == "source_missing"


class Killed(BaseException):
    """The end of a killed process: nothing is cleaned up in AWS."""


@pytest.mark.parametrize("moment", ["file", "manifest", "row"])
def test_a_worker_killed_while_it_copies_is_replaced(
    rig: Rig, first: str, monkeypatch: pytest.MonkeyPatch, moment: str
):
    body, dying = rig.put(SAME, B), rig.runner()

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    if moment == "row":
        monkeypatch.setattr(dying._catalog, "succeed", die)
    else:
        client = dying._consumer._artifacts._s3
        monkeypatch.setattr(client, "copy_object" if moment == "file" else "put_object", die)
    with pytest.raises(Killed):
        dying.handle(body, Delivery(60))
    monkeypatch.undo()
    assert rig.state(body).current_result is None
    rig.expire_lease(body)
    assert rig.handle(body) is Outcome.REUSED
    assert rig.text(rig.state(body).current_result) == "hello"
    assert rig.state(first).state == "succeeded"
    assert rig.stage.runs == 1


def test_the_lease_lasts_while_many_files_are_copied(
    rig: Rig, first: str, monkeypatch: pytest.MonkeyPatch
):
    assert first
    body, runner, asked = rig.put(SAME, B), rig.runner(lease_s=3), []
    copy: Callable[..., Any] = runner._consumer._artifacts.copy

    def slow(*given: Any) -> Any:
        while len(asked) < 3:
            given[-1](0.0)
        return copy(*given)

    monkeypatch.setattr(runner._consumer._artifacts, "copy", slow)
    assert runner.handle(body, Delivery(60, extend=asked.append)) is Outcome.REUSED
    assert asked[:3] == [3, 3, 3]


def test_a_copy_of_a_promoted_result_is_not_taken_by_its_promotion(rig: Rig, first: str):
    result = rig.state(first).current_result
    assert result
    assert rig.catalog.results.take(upload_of(first).video_id, result, "3")
    second = rig.put(SAME, B)
    assert rig.handle(second) is Outcome.REUSED
    copy = rig.state(second).current_result
    assert copy
    assert copy.taken_by == ""


def test_a_result_that_is_not_removed_is_still_found_by_other_videos(rig: Rig, first: str):
    video_id, result = upload_of(first).video_id, rig.state(first).current_result
    assert result
    assert rig.catalog.results.take(video_id, result, "3")
    assert not rig.catalog.results.forget(video_id, result)  # as it was read before
    assert rig.handle(rig.put(SAME, B)) is Outcome.REUSED
