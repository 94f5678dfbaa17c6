"""A stage's queue as its own workers use it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.aws import queues
from pipeline.aws.queues import Queue, queue_of
from pipeline.core.errors import DependencyFailed
from tests.fakes.lambda_events import TRACE


class Sqs:
    """The calls of boto3's client that a queue makes."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.failed: list[dict[str, str]] = []
        self.counts: dict[str, str] = {}

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        return {"Failed": self.failed} if self.failed else {}

    def get_queue_attributes(self, **request: Any) -> dict[str, Any]:
        return {
            "Attributes": {name: self.counts.get(name, "0") for name in request["AttributeNames"]}
        }


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Sqs:
    client = Sqs()
    monkeypatch.setattr(queues.aws, "client", lambda _: client)
    monkeypatch.setattr(queues, "queue_url", lambda name: f"http://sqs/{name}")
    return client


def record(**more: Any) -> dict[str, Any]:
    return {
        "receiptHandle": "r",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:1:toy",
        "attributes": {"AWSTraceHeader": TRACE},
        **more,
    }


def test_messages_are_sent_by_tens_in_one_group_and_continue_the_trace(sqs: Sqs):
    queue = queue_of(record())
    assert queue is not None
    queue.send((str(number) for number in range(23)), group="film")
    assert [len(request["Entries"]) for request in sqs.requests] == [10, 10, 3]
    entries = [entry for request in sqs.requests for entry in request["Entries"]]
    assert [entry["MessageBody"] for entry in entries] == [str(number) for number in range(23)]
    assert {entry["MessageGroupId"] for entry in entries} == {"film"}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    assert all(entry["MessageSystemAttributes"] == trace for entry in entries)
    assert {request["QueueUrl"] for request in sqs.requests} == {"http://sqs/toy"}


def test_messages_can_be_delivered_later(sqs: Sqs):
    Queue("toy").send("ab", group="film", delay_s=15)
    assert [entry["DelaySeconds"] for entry in sqs.requests[0]["Entries"]] == [15, 15]


def test_messages_that_the_queue_did_not_take_are_an_error(sqs: Sqs):
    sqs.failed = [{"Id": "1", "Code": "InternalError", "Message": "Try again."}]
    with pytest.raises(DependencyFailed, match="took 2 of 3 messages: Try again"):
        Queue("toy").send("abc", group="film")


@pytest.mark.parametrize(
    ("kind", "empty"), [(None, True), ("", False), ("NotVisible", False), ("Delayed", False)]
)
def test_a_queue_is_empty_if_nothing_waits_or_is_in_flight(sqs: Sqs, kind: str, *, empty: bool):
    if kind is not None:
        sqs.counts = {f"ApproximateNumberOfMessages{kind}": "1"}
    assert Queue("toy").is_empty() is empty


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "AccessDenied"])
def test_only_a_queue_that_does_not_exist_counts_as_empty(
    sqs: Sqs, monkeypatch: pytest.MonkeyPatch, code: str
):
    def failing(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, "GetQueueAttributes")

    monkeypatch.setattr(sqs, "get_queue_attributes", failing)
    if code == "AccessDenied":
        with pytest.raises(ClientError):
            queues.counts("toy")
    else:
        assert queues.counts("toy") == (0, 0)


def test_an_event_that_was_pushed_came_by_no_queue():
    assert queue_of(record(receiptHandle="")) is None
