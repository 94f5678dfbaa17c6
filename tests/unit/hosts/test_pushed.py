"""The events of POST requests."""

import base64
import json

import pytest

from pipeline.aws.messages import receipt
from pipeline.core import events, outgoing
from pipeline.core.errors import BadInput
from pipeline.hosts.worker.pushed import Pushed, read
from tests.fakes import aws_events, lambda_events

CREATED = json.loads(aws_events.created())
WAKE_UP = {"detail-type": "Replay Requested", "id": "1", "detail": {"replay_id": "r"}}
READY = {
    "detail-type": "Video Ready",
    "id": "1",
    "time": "2026-01-01T00:00:00Z",
    "detail": {
        "id": "evt_1",
        "video_id": "v",
        "revision": "r",
        "name": "a.mp4",
        "key": "videos/a.mp4",
        "status": "ready",
    },
}
TICK = {"source": "aws.scheduler", "detail-type": "Scheduled Event", "id": "1", "detail": "{}"}
(SQS,) = lambda_events.sqs(aws_events.created())["Records"]
(POISON,) = lambda_events.sqs("poison")["Records"]


def posted(event, function="detect", **headers):
    return read(json.dumps(event).encode(), headers, function)


def test_lambdas_own_event_is_left_as_it_is():
    records = [SQS, POISON]
    assert posted({"Records": records}) == Pushed({"Records": records}, (SQS, POISON), batch=True)


@pytest.mark.parametrize("sent", [SQS, [SQS], [SQS, SQS]])
def test_messages_as_a_pipe_sends_them_are_a_batch_whose_sender_reads_the_status_alone(sent):
    records = sent if isinstance(sent, list) else [sent]
    assert posted(sent) == Pushed({"Records": records}, tuple(records), batch=False)


def test_a_message_may_have_attributes():
    attributes = {
        "text": {"dataType": "String", "stringValue": "é", "stringListValues": []},
        "bytes": {"dataType": "Binary", "binaryValue": base64.b64encode(b"\xff").decode()},
    }
    message = SQS | {"messageAttributes": attributes}
    assert posted(message).records == (message,)


def test_an_eventbridge_event_becomes_the_one_message_of_a_batch():
    pushed = posted(CREATED)
    (record,) = pushed.records
    assert pushed.event == {"Records": [record]}
    assert not pushed.batch
    assert record["messageId"] == CREATED["id"]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert "SentTimestamp" not in record["attributes"], "it waited in no queue"
    assert record["receiptHandle"] == ""
    assert events.parse(record["body"]) == events.parse(aws_events.created())


def test_each_time_that_an_event_is_pushed_is_a_delivery_of_its_own(monkeypatch):
    moments = iter([1.0, 2.0])
    monkeypatch.setattr("pipeline.hosts.worker.pushed.time.time", lambda: next(moments))
    assert receipt(*posted(CREATED).records) != receipt(*posted(CREATED).records)


@pytest.mark.parametrize("data", [CREATED, CREATED["detail"]], ids=["whole", "detail"])
@pytest.mark.parametrize("binary", [False, True])
def test_the_event_of_a_cloudevent_is_read(data, binary):
    about = {
        "specversion": "1.0",
        "id": CREATED["id"],
        "source": "aws.s3",
        "type": "Object Created",
        "time": CREATED["time"],
    }
    if binary:
        # In a header, spaces are percent-encoded.
        headers = {f"ce-{name}": value.replace(" ", "%20") for name, value in about.items()}
        pushed = posted(data, **headers)
    else:
        pushed = posted(about | {"data": data})
    (record,) = pushed.records
    assert events.parse(record["body"]) == events.parse(aws_events.created())


def published(event, **more):
    data = base64.b64encode(json.dumps(event).encode()).decode()
    return {"message": {"data": data, "messageId": "1"} | more, "subscription": "projects/p/s/s"}


@pytest.mark.parametrize("event", [CREATED, {"specversion": "1.0", "data": CREATED}])
def test_the_event_in_a_message_of_pubsub_is_read(event):
    (record,) = posted(published(event)).records
    assert events.parse(record["body"]) == events.parse(aws_events.created())
    eventarc = {"ce-specversion": "1.0", "ce-type": "google.cloud.pubsub.topic.v1.messagePublished"}
    assert posted(published(event), **eventarc).records[0]["body"] == record["body"]


def test_a_batch_in_pubsub_is_judged_by_the_status_alone():
    pushed = posted(published({"Records": [SQS]}))
    assert (pushed.records, pushed.batch) == ((SQS,), False)


def test_a_cloudevent_may_bring_a_batch():
    data = {"Records": [SQS]}
    assert posted({"specversion": "1.0", "id": "1", "data": data}).records == (SQS,)


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("detect", {"warm_up": True}),
        ("detect", {"warm_up": "imports"}),
        ("janitor", {}),
        ("janitor", TICK),
        ("janitor", TICK | {"source": "aws.events", "detail": {}}),
    ],
)
def test_what_a_handler_takes_without_a_message_is_left_as_it_is(function, event):
    assert posted(event, function) == Pushed(event)


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("detect", CREATED),
        ("detect", json.loads(aws_events.reprocess("v", "detect"))),
        ("janitor", json.loads(aws_events.deleted())),
        ("replays", WAKE_UP),
        ("events", CREATED),
        ("events", READY),
        ("events", json.loads(outgoing.delivery_body("wh_1", "1")) | {"id": "1"}),
    ],
)
def test_a_function_takes_its_own_events(function, event):
    (record,) = posted(event, function).records
    assert json.loads(record["body"]) == event


@pytest.mark.parametrize(
    ("function", "event"),
    [
        ("detect", {}),
        ("detect", TICK),
        ("detect", WAKE_UP),
        ("detect", CREATED | {"detail-type": "Order Placed"}),
        ("detect", CREATED | {"detail": {"bucket": {"name": "b"}, "object": {"key": "k"}}}),
        ("detect", [SQS, POISON]),
        ("detect", POISON),
        ("replays", {}),
        ("replays", TICK),
        ("replays", CREATED),
        ("detect", {"warm_up": "gpu"}),
        ("replays", {"warm_up": True}),
        ("janitor", {"warm_up": True}),
        ("events", {"warm_up": True}),
        ("events", WAKE_UP),
        ("events", READY | {"detail": {}}),
        ("janitor", WAKE_UP),
    ],
)
def test_an_event_for_another_function_is_rejected(function, event):
    with pytest.raises(BadInput) as rejected:
        posted(event, function)
    assert rejected.value.code == "bad_event"
    assert "\n" not in rejected.value.message


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "not JSON"),
        (b"[" * 300_000, "not JSON"),
        (b'{"a":' * 300, "not JSON"),
        (b"1", 'neither "Records" nor'),
        (b'{"input": {}}', 'neither "Records" nor'),
        (b'{"detail-type": "Object Created"}', 'neither "Records" nor'),
        (b'{"detail-type": "Object Created", "id": []}', 'neither "Records" nor'),
        (b'{"source": []}', 'neither "Records" nor'),
        (b'{"Records": {}}', 'neither "Records" nor'),
        (b'{"message": "text"}', "Pub/Sub has no"),
        (b'{"message": {"data": "no base64"}}', "Pub/Sub has no"),
        (b'{"message": {"data": "e30="}}', 'neither "Records" nor'),
        (b'{"message": {"data": "////"}}', "not JSON"),
        (b'{"Records": [1]}', "not a message of SQS"),
        (b'{"Records": [{"s3": {}}]}', "EventBridge"),
        (b'{"Records": [{"messageId": "m", "body": "{}"}]}', "receiptHandle: .*; attributes: "),
        (b'{"specversion": "1.0", "data": "text"}', "not a JSON object"),
        (b'{"specversion": "1.0", "type": "Object Created", "data_base64": "e30="}', "not a JSON"),
        (b'{"specversion": "1.0", "data": {}}', 'neither "Records" nor'),
    ],
)
def test_an_unknown_body_is_rejected_with_the_reason(body, why):
    with pytest.raises(BadInput, match=why) as rejected:
        read(body, {}, "detect")
    assert rejected.value.code == "bad_event"


@pytest.mark.parametrize(
    "wrong",
    [
        {"messageId": []},
        {"messageId": ""},
        {"receiptHandle": None},
        {"body": {}},
        {"eventSourceARN": None},
        {"attributes": None},
        {"attributes": {}},
        {"attributes": {"ApproximateReceiveCount": 1}},
        {"attributes": {"ApproximateReceiveCount": "once"}},
        {"attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "now"}},
        {"attributes": {"ApproximateReceiveCount": "9" * 5000}},
        {"messageAttributes": []},
        {"messageAttributes": {"a": {"dataType": "Binary", "binaryValue": "a"}}},
    ],
)
def test_a_message_without_the_fields_that_handlers_read_is_rejected(wrong):
    (name,) = wrong
    with pytest.raises(BadInput, match=name):
        posted({"Records": [SQS | wrong]})
