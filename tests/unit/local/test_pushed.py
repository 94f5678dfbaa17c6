"""What a POST means to a handler."""

import json

import pytest

from pipeline import events
from pipeline.errors import BadInput
from pipeline.worker.pushed import Pushed, read
from tests import aws_events

CREATED = json.loads(aws_events.created())
SQS = {
    "messageId": "m",
    "receiptHandle": "r",
    "body": "{}",
    "attributes": {"ApproximateReceiveCount": "2"},
    "eventSource": "aws:sqs",
    "eventSourceARN": "arn:aws:sqs:us-east-1:1:q",
}


def posted(event, **headers):
    return read(json.dumps(event).encode(), headers)


def test_lambdas_own_event_is_left_as_it_is():
    assert posted({"Records": [SQS]}) == Pushed({"Records": [SQS]}, (SQS,), single=False)


def test_an_eventbridge_event_becomes_the_one_message_of_a_batch():
    pushed = posted(CREATED)
    (record,) = pushed.records
    assert pushed.event == {"Records": [record]}
    assert pushed.single
    assert record["messageId"] == CREATED["id"]
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["receiptHandle"] == ""
    assert events.parse(record["body"]) == events.parse(aws_events.created())


@pytest.mark.parametrize("data", [CREATED, CREATED["detail"]], ids=["whole", "detail"])
@pytest.mark.parametrize("binary", [False, True])
def test_a_cloudevent_is_opened(data, binary):
    about = {
        "specversion": "1.0",
        "id": CREATED["id"],
        "source": "aws.s3",
        "type": "Object Created",
        "time": CREATED["time"],
    }
    if binary:
        pushed = posted(data, **{f"ce-{name}": value for name, value in about.items()})
    else:
        pushed = posted(about | {"data": data})
    (record,) = pushed.records
    assert events.parse(record["body"]) == events.parse(aws_events.created())


def test_a_cloudevent_may_bring_a_batch():
    data = {"Records": [SQS]}
    assert posted({"specversion": "1.0", "id": "1", "data": data}).records == (SQS,)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"warm_up": True},
        {"source": "aws.scheduler", "detail-type": "Scheduled Event", "id": "1", "detail": "{}"},
        {"source": "aws.events", "detail-type": "Scheduled Event", "id": "1", "detail": {}},
    ],
)
def test_what_handlers_take_without_a_message_is_left_as_it_is(event):
    assert posted(event) == Pushed(event)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"input": {}}', 'neither "Records" nor'),
        (b'{"detail-type": "Object Created"}', 'neither "Records" nor'),
        (b'{"Records": {}}', "not a list"),
        (b'{"Records": [1]}', "not a list of objects"),
        (b'{"Records": [{"s3": {}}]}', "EventBridge"),
        (b'{"Records": [{"messageId": "m", "body": "{}"}]}', "receiptHandle, attributes"),
        (b'{"specversion": "1.0", "data": "text"}', "not a JSON object"),
    ],
)
def test_what_is_no_event_is_refused_in_words(body, why):
    with pytest.raises(BadInput, match=why) as refused:
        read(body, {})
    assert refused.value.code == "bad_event"
