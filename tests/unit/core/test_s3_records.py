"""The notifications that stores post, after their documentation."""

import json
from functools import reduce

import pytest

from pipeline.core import events, s3_records
from pipeline.core.errors import BadInput
from tests.fakes import aws_events

RECORD = {
    "eventVersion": "2.1",
    "eventSource": "aws:s3",
    "eventTime": "2026-11-01T12:00:00.123Z",
    "eventName": "ObjectCreated:Put",
    "s3": {
        "bucket": {"name": "uploads"},
        "object": {
            "key": "videos/h%C3%A4fen+%2B+1.mp4",
            "size": 6,
            "eTag": "b1946ac92492d2347c6235b4d2611184",
            "sequencer": "0055AED6DCD90281E5",
        },
    },
}
KEY = "videos/häfen + 1.mp4"
NESTED = reduce(lambda inner, _: [inner], range(2_000), RECORD)


def record(name: str = "ObjectCreated:Put", **changed: object) -> dict[str, object]:
    item = {**RECORD["s3"]["object"], **changed}
    item = {key: value for key, value in item.items() if value is not None}
    return {**RECORD, "eventName": name, "s3": {"bucket": {"name": "uploads"}, "object": item}}


def parsed(given: object) -> list[events.Event]:
    found = s3_records.parse(given, lambda *_: True)
    return [events.parse(json.dumps(one)) for one in found]


@pytest.mark.parametrize(
    "given",
    [
        {"Records": [RECORD]},
        {"EventName": "s3:ObjectCreated:Put", "Key": "uploads/videos/a.mp4", "Records": [RECORD]},
        {"Records": [record("s3:ObjectCreated:Put")]},
        [RECORD],
        RECORD,
        NESTED,
        {"specversion": "1.0", "type": "com.amazonaws.s3.ObjectCreated", "data": RECORD},
        {"specversion": "1.0", "type": "minio", "data": {"Records": [RECORD]}},
    ],
    ids=[
        "s3",
        "minio",
        "prefixed",
        "list",
        "record",
        "nested",
        "cloudevent",
        "cloudevent of records",
    ],
)
def test_an_upload_is_read_from_each_form(given):
    (upload,) = parsed(given)
    assert isinstance(upload, events.Upload)
    assert (upload.bucket, upload.key, upload.size) == ("uploads", KEY, 6)
    assert upload.etag == "b1946ac92492d2347c6235b4d2611184"
    assert upload.sequencer.startswith("0055AED6DCD90281E5")


def test_an_event_of_eventbridge_stays_as_it_is():
    (upload,) = parsed(json.loads(aws_events.created(key="videos/a+b%20.mp4")))
    assert upload == events.parse(aws_events.created(key="videos/a+b%20.mp4"))


def test_a_record_without_a_sequencer_is_put_in_order_by_its_time():
    (upload,) = parsed({"Records": [record(sequencer=None)]})
    assert upload.sequencer == events.sequence.of(None, upload.time, upload.etag)


def test_an_event_of_one_record_is_the_same_each_time_and_of_another_a_different_one():
    first, again, other = (
        parsed(one)[0].event_id for one in (RECORD, dict(RECORD), record(eTag="0" * 32))
    )
    assert first == again != other


@pytest.mark.parametrize(
    ("name", "version", "of_version"),
    [
        ("ObjectRemoved:Delete", None, None),
        ("s3:ObjectRemoved:Delete", "v1", "v1"),
        ("ObjectRemoved:DeleteMarkerCreated", "v2", None),
    ],
)
def test_deletions_of_a_key_and_of_a_version_differ(name, version, of_version):
    (deletion,) = parsed(record(name, versionId=version))
    assert isinstance(deletion, events.Deletion)
    assert (deletion.key, deletion.version_id) == (KEY, of_version)


def test_a_key_that_a_store_did_not_encode_is_found():
    given = record(key="videos/100%25 a+b.mp4")
    found = s3_records.parse(given, lambda _, key: key == "videos/100%25 a+b.mp4")
    assert [one["detail"]["object"]["key"] for one in found] == ["videos/100%25 a+b.mp4"]


@pytest.mark.parametrize(
    "given",
    [
        {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "uploads"},
        record("ObjectRestore:Completed"),
        record("ObjectTagging:Put"),
        {"Records": []},
        json.loads(aws_events.created().replace("Object Created", "Object Restore Completed")),
        json.loads(aws_events.reprocess("0" * 20, "detect")),  # no store may request that
    ],
)
def test_other_notifications_are_left_out(given):
    assert parsed(given) == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "not a notification of a store"),
        ("text", "not a notification of a store"),
        ({"Records": [7]}, "not a notification of a store"),
        ({"Records": [record(eTag="")]}, "etag"),
        ({"Records": [{**RECORD, "eventTime": "yesterday"}]}, "eventTime"),
        ({"Records": [RECORD] * 1001}, "more than 1000"),
        (json.loads(aws_events.created(key="a").replace("size", "sizes")), "size"),
    ],
)
def test_what_is_no_notification_is_rejected_with_the_reason(given, says):
    with pytest.raises(BadInput, match=says):
        list(s3_records.parse(given, lambda *_: True))
