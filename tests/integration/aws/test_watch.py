"""Uploads of a store that tells of none, found by looking: real S3, DynamoDB and SQS calls."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.aws.messages import queue_url
from pipeline.core import events
from pipeline.core.events import Deletion, Upload
from pipeline.core.topology import EVENTS, JANITOR

STAGES = ("transcode", "thumbnail", "transcribe", "detect")


@pytest.fixture
def silent(monkeypatch, stored):
    """Settings of a store without notifications, with the queues that events go to."""
    monkeypatch.setenv("VIDEODROP_WATCH_S", "1")
    for name in (*STAGES, EVENTS, JANITOR):
        aws.client("sqs").create_queue(QueueName=stored.names.queue(name))
    return stored


@pytest.fixture
def received(silent) -> Callable[[str], list[events.Event]]:
    def take(function: str) -> list[events.Event]:
        url = queue_url(silent.names.queue(function))
        found = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        messages = found.get("Messages", [])
        for one in messages:
            aws.client("sqs").delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
        return [events.parse(one["Body"]) for one in messages]

    return take


@pytest.fixture
def put(silent):
    def write(key: str, body: bytes) -> None:
        aws.client("s3").put_object(Bucket=silent.names.uploads_bucket, Key=key, Body=body)

    return write


def recorded(silent, event: Upload) -> Upload:
    bootstrap.catalog(silent).record_upload(event, patience_s=60)
    return event


def test_an_upload_is_found_once_and_sent_to_all_who_are_told_of_uploads(silent, put, received):
    put("videos/h ä+%.mp4", b"one")
    put("elsewhere/b.mp4", b"two")
    watch = bootstrap.watch(silent)
    assert watch.uploads() == 1
    assert watch.uploads() == 0
    found = [received(one) for one in (*STAGES, EVENTS)]
    assert found == [found[0]] * 5
    (upload,) = found[0]
    assert (upload.key, upload.size) == ("videos/h ä+%.mp4", 3)
    assert received(JANITOR) == []


def test_two_watchers_and_a_restarted_one_send_equal_events(silent, put, received):
    put("videos/a.mp4", b"one")
    assert [bootstrap.watch(silent).uploads() for _ in range(2)] == [1, 1]
    first, second = received("detect")
    assert first == second


def test_what_is_recorded_is_not_sent_again(silent, put, received):
    put("videos/a.mp4", b"one")
    bootstrap.watch(silent).uploads()
    recorded(silent, received("detect")[0])
    assert bootstrap.watch(silent).uploads() == 0


def test_a_file_that_replaces_another_within_a_second_comes_later_in_the_order(
    silent, put, received
):
    latest = None
    for body in (b"one", b"two", b"three", b"four"):
        put("videos/a.mp4", body)
        assert bootstrap.watch(silent).uploads() == 1
        (upload,) = received("detect")
        recorded(silent, upload)  # raises Superseded if it is not the latest
        assert latest is None or upload.sequencer > latest.sequencer
        assert latest is None or upload.revision != latest.revision
        latest = upload


def test_an_object_that_is_older_than_its_record_is_left_alone(silent, put):
    put("videos/a.mp4", b"one")
    bucket = silent.names.uploads_bucket
    later = Upload(
        event_id="1",
        time=datetime.now(UTC) + timedelta(minutes=1),
        bucket=bucket,
        key="videos/a.mp4",
        sequencer="1" * 40,
        size=7,
        etag="later",
    )
    recorded(silent, later)
    assert bootstrap.watch(silent).uploads() == 0


def test_after_the_first_look_only_what_was_written_since_is_compared(silent, put):
    put("videos/old.mp4", b"one")
    watch = bootstrap.watch(silent)
    watch.uploads()
    table = aws.table(silent.names.table)
    row = {"pk": "#watch", "sk": silent.names.uploads_bucket}
    since = datetime.fromisoformat(table.get_item(Key=row)["Item"]["since"])
    assert timedelta(minutes=14) < datetime.now(UTC) - since < timedelta(minutes=16)
    ahead = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    table.put_item(Item={**row, "since": ahead})
    assert bootstrap.watch(silent).uploads() == 0


def test_a_video_whose_object_is_gone_is_deleted_once(silent, put, received):
    for key in ("videos/a.mp4", "videos/b.mp4"):
        put(key, b"one")
    watch = bootstrap.watch(silent)
    watch.uploads()
    for one in received("detect"):
        recorded(silent, one)
    assert watch.deletions() == 0
    aws.client("s3").delete_object(Bucket=silent.names.uploads_bucket, Key="videos/a.mp4")
    assert watch.deletions() == 1
    (deletion,) = received(JANITOR)
    assert isinstance(deletion, Deletion)
    assert deletion.key == "videos/a.mp4"
    catalog = bootstrap.catalog(silent)
    assert catalog.record_deletion(deletion)
    assert watch.deletions() == 0


def test_a_file_that_comes_back_is_found_again(silent, put, received):
    put("videos/a.mp4", b"one")
    bootstrap.watch(silent).uploads()
    upload = recorded(silent, received("detect")[0])
    aws.client("s3").delete_object(Bucket=upload.bucket, Key=upload.key)
    bootstrap.watch(silent).deletions()
    bootstrap.catalog(silent).record_deletion(received(JANITOR)[0])
    put("videos/a.mp4", b"one")
    assert bootstrap.watch(silent).uploads() == 1
    recorded(silent, received("detect")[0])


def test_hidden_and_incomplete_files_are_not_sent(silent, put):
    for key in ("videos/.DS_Store", "videos/a.mp4.part", "videos/folder/"):
        put(key, b"")
    assert bootstrap.watch(silent).uploads() == 0


def test_events_have_the_form_of_s3s(silent, put):
    put("videos/a.mp4", b"one")
    bootstrap.watch(silent).uploads()
    url = queue_url(silent.names.queue("detect"))
    (message,) = aws.client("sqs").receive_message(QueueUrl=url)["Messages"]
    body = json.loads(message["Body"])
    assert (body["source"], body["detail-type"]) == ("aws.s3", "Object Created")
