"""SQS messages of a handler's records."""

from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError

from pipeline.aws import clients as aws
from pipeline.aws.messages import copied, extender, receipt, trace_header
from pipeline.hosts.worker.lane import record
from tests.fakes.lambda_events import TRACE

_CAME = "ApproximateFirstReceiveTimestamp"
ROOT = "Root=1-5e6722a7-cc56a4f146db7ae02d4da47e"


def test_an_event_that_was_pushed_has_no_message_to_keep(monkeypatch):
    monkeypatch.setattr(aws, "client", None)
    extender({"messageId": "m", "receiptHandle": "", "eventSourceARN": ""})(60)


def test_a_message_that_cannot_be_hidden_for_longer_does_not_end_its_work(monkeypatch):
    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="http://sqs")

    sqs = SimpleNamespace(
        get_queue_url=lambda **_: {"QueueUrl": "url"}, change_message_visibility=unreachable
    )
    monkeypatch.setattr(aws, "client", lambda _: sqs)
    arn = "arn:aws:sqs:a:1:a-queue-of-this-test"
    extender({"messageId": "m", "receiptHandle": "r", "eventSourceARN": arn})(60)


@pytest.mark.parametrize(
    "other",
    [
        {"receiptHandle": "b"},
        {"messageId": "n"},
        {"attributes": {_CAME: "2"}},  # it was pushed, and has no receipt
    ],
)
def test_every_delivery_has_a_name_of_its_own(other):
    record = {"messageId": "m", "receiptHandle": "a", "attributes": {_CAME: "1"}}
    assert receipt(record) == receipt(dict(record))
    assert receipt(record) != receipt(record | other)


def test_a_message_that_is_sent_again_is_the_same_with_its_attributes_and_trace():
    attributes = {
        "s": {"DataType": "String", "StringValue": ""},
        "n": {"DataType": "Number", "StringValue": "1"},
        "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    message = {
        "MessageId": "id",
        "ReceiptHandle": "handle",
        "Body": "body",
        "MD5OfBody": "md5",
        "Attributes": {"ApproximateReceiveCount": "3", "AWSTraceHeader": TRACE},
        "MessageAttributes": attributes,
    }
    assert copied(record(message, "arn:aws:sqs:eu-west-1:1:q")) == {
        "MessageBody": "body",
        "MessageAttributes": attributes,
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}},
    }


def test_a_message_that_is_sent_again_stays_in_its_group():
    message = {"body": "b", "attributes": {"MessageGroupId": "film"}}
    assert copied(message)["MessageGroupId"] == "film"


def test_a_message_without_a_trace_is_sent_without_one():
    pushed = {"body": "b", "attributes": {}}
    assert copied(pushed) == {"MessageBody": "b", "MessageAttributes": {}}


@pytest.mark.parametrize(
    "header",
    [
        TRACE,
        ROOT,
        f"Self=1-67891234-12456789abcdef0123456789;{ROOT}",
        f"{ROOT};Parent=2b5ef9f1e0a5c8d7;Sampled=?;Lineage=a87bd80c:1|68fd508a:5|c512fbe3:2",
    ],
)
def test_traces_are_known_by_x_rays_form(header):
    assert trace_header({"AWSTraceHeader": header}) == header


@pytest.mark.parametrize(
    "header",
    [
        None,
        7,
        "",
        "\N{SNOWMAN}",
        f"{ROOT}\r\nX-Other: 1",
        f"{ROOT}\n",
        "Sampled=1",
        f"{ROOT};Sampled",
        f"{ROOT};Data={'x' * 100_000}",
        ROOT + ";a=b" * 10_000,
    ],
)
def test_nothing_else_is_passed_on_as_a_trace(header):
    assert trace_header({"AWSTraceHeader": header}) is None
