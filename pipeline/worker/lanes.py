"""A function's queues: which message is next, the event Lambda would make of it, and its end.

What Lambda's event source mapping for SQS does, with one message an invocation.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

Record = dict[str, Any]


@dataclass(frozen=True)
class Lane:
    """A queue to poll."""

    url: str
    arn: str


@dataclass(frozen=True)
class Delivery:
    """A message in our hands until its visibility timeout ends.

    Attributes:
        lane: where it came from.
        record: as Lambda hands it to a handler.
    """

    lane: Lane
    record: Record


class Lanes:
    """Polls a function's queues, live before replay.

    Args:
        sqs: a boto3 client with a read timeout above ``wait_s``.
        names: queue names, live first.
        visibility_s: how long a message stays ours unless a heartbeat extends it.
        wait_s: seconds to wait for a live message when all is quiet.

    Raises:
        botocore.exceptions.ClientError: there is no such queue.
    """

    def __init__(self, sqs: Any, names: list[str], *, visibility_s: int, wait_s: int) -> None:
        self._sqs = sqs
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._live, *self._replay = [self._lane(name) for name in names]
        self._replaying = False

    def receive(self) -> Delivery | None:
        """The next message; None when there was none for ``wait_s`` seconds.

        Only when no live message is there is the replay lane looked at, and never waited for, so
        an upload never queues behind replays. While replays flow, the wait for a live one is 1 s:
        not 0, because a short poll asks only some of SQS's servers and may miss it.
        """
        found = self._poll(self._live, 1 if self._replaying else self._wait_s)
        if not found and self._replay:
            found = self._poll(self._replay[0], 0)
            self._replaying = found is not None
        return found

    def delete(self, delivery: Delivery) -> None:
        """Its work is done, for good or bad."""
        self._sqs.delete_message(
            QueueUrl=delivery.lane.url, ReceiptHandle=delivery.record["receiptHandle"]
        )

    def release(self, delivery: Delivery) -> None:
        """Let others have it at once."""
        self._sqs.change_message_visibility(
            QueueUrl=delivery.lane.url,
            ReceiptHandle=delivery.record["receiptHandle"],
            VisibilityTimeout=0,
        )

    def _lane(self, name: str) -> Lane:
        url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        return Lane(url, found["Attributes"]["QueueArn"])

    def _poll(self, lane: Lane, wait_s: int) -> Delivery | None:
        answer = self._sqs.receive_message(
            QueueUrl=lane.url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=self._visibility_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        return Delivery(lane, record(messages[0], lane.arn)) if messages else None


def record(message: dict[str, Any], queue_arn: str) -> Record:
    """An SQS message as boto3 gives it, in the form Lambda gives it to a handler.

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
    """
    attributes = message.get("MessageAttributes", {})
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": {name: _attribute(value) for name, value in attributes.items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {"dataType": value["DataType"]}
    if "StringValue" in value:
        given["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        given["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return given | {"stringListValues": [], "binaryListValues": []}


def failures(response: JsonValue, ids: Collection[str]) -> set[str]:
    """Which of a batch's messages failed, by the handler's response.

    As Lambda reads it: nothing, or nothing in ``batchItemFailures``, is success; anything that
    does not name messages of the batch fails the whole batch.
    """
    if response is None:
        return set()
    if not isinstance(response, dict):
        return set(ids)
    items = response.get("batchItemFailures")
    if items is None or items == []:
        return set()
    if not isinstance(items, list):
        return set(ids)
    named = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    if not all(isinstance(name, str) and name in ids for name in named):
        return set(ids)
    return {str(name) for name in named}
