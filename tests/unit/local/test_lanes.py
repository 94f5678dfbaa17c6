"""How the worker reads queues and answers, without AWS."""

import pytest

from pipeline.worker.lanes import Lanes, failures, record

# ruff: noqa: N803 - boto3's own argument names


class Queues:
    """A stand-in for SQS that remembers how it was asked."""

    def __init__(self, **messages):
        self.messages = messages
        self.asked = []

    def get_queue_url(self, QueueName):
        return {"QueueUrl": QueueName}

    def get_queue_attributes(self, QueueUrl, **_):
        return {"Attributes": {"QueueArn": f"arn:aws:sqs:eu-west-1:1:{QueueUrl}"}}

    def receive_message(self, QueueUrl, WaitTimeSeconds, VisibilityTimeout, **_):
        self.asked.append((QueueUrl, WaitTimeSeconds))
        assert VisibilityTimeout == 60
        if not self.messages.get(QueueUrl):
            return {}
        body = self.messages[QueueUrl].pop(0)
        message = {"MessageId": body, "ReceiptHandle": "r", "Body": body, "MD5OfBody": "m"}
        return {"Messages": [message]}


def lanes(queues, names=("live", "replay")):
    return Lanes(queues, list(names), visibility_s=60, wait_s=10)


def test_the_replay_lane_is_looked_at_only_when_the_live_one_is_empty_and_never_waited_for():
    queues = Queues(live=["a"], replay=["b"])
    polled = lanes(queues)
    assert polled.receive().record["body"] == "a"
    assert queues.asked == [("live", 10)]
    assert polled.receive().record["body"] == "b"
    assert queues.asked[1:] == [("live", 10), ("replay", 0)]


def test_replays_flow_without_a_long_wait_between_them():
    queues = Queues(replay=["a", "b"])
    polled = lanes(queues)
    for _ in range(3):
        polled.receive()
    assert polled.receive() is None
    waits = [wait for name, wait in queues.asked if name == "live"]
    assert waits == [10, 1, 1, 10]


def test_a_function_without_replays_polls_one_queue():
    queues = Queues(replay=["a"])
    assert lanes(queues, ["live"]).receive() is None
    assert queues.asked == [("live", 10)]


@pytest.mark.parametrize(
    ("response", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": None}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}] * 2}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "unknown"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "x"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ["a"]}]}, {"a", "b"}),
        ({"batchItemFailures": [{"id": "a"}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
        ({"batchItemFailures": "a"}, {"a", "b"}),
        ({"batchItemFailures": {}}, {"a", "b"}),
        ("a", {"a", "b"}),
        ([], {"a", "b"}),
        (True, {"a", "b"}),
    ],
)
def test_responses_are_read_as_lambda_reads_them(response, failed):
    assert failures(response, {"a", "b"}) == failed


def test_a_record_has_lambdas_form():
    message = {
        "MessageId": "id",
        "ReceiptHandle": "handle",
        "Body": "body",
        "MD5OfBody": "md5",
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {
            "s": {"DataType": "String", "StringValue": "v"},
            "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        },
    }
    empty = {"stringListValues": [], "binaryListValues": []}
    assert record(message, "arn:aws:sqs:eu-west-1:1:q") == {
        "messageId": "id",
        "receiptHandle": "handle",
        "body": "body",
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {
            "s": {"dataType": "String", "stringValue": "v"} | empty,
            "b": {"dataType": "Binary", "binaryValue": "AP8="} | empty,
        },
        "md5OfBody": "md5",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:1:q",
        "awsRegion": "eu-west-1",
    }
