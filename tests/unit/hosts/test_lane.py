"""The messages and responses of a lane, without AWS."""

from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.hosts.worker.lane import Lane, failures, record
from tests.fakes import lambda_events


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


def test_a_message_that_is_given_back_is_in_the_queue_before_its_first_copy_goes():
    calls: list[str] = []
    sqs: Any = SimpleNamespace(
        get_queue_url=lambda **_: {"QueueUrl": "url"},
        get_queue_attributes=lambda **_: {"Attributes": {"QueueArn": "arn:aws:sqs:a:1:q"}},
        send_message=lambda **_: calls.append("send"),
        delete_message=lambda **_: calls.append("delete"),
    )
    (message,) = lambda_events.sqs("body")["Records"]
    Lane(sqs, "q", visibility_s=60, wait_s=1).give_back(message)
    assert calls == ["send", "delete"]
