"""One lane of a function: its next message, the event Lambda would make of it, and its end.

What Lambda's event source mapping for SQS does, with one message an invocation.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

import base64
from collections.abc import Collection
from typing import Any

from pydantic import JsonValue

from pipeline.aws.messages import copied

Record = dict[str, Any]


class Lane:
    """A queue to poll.

    Args:
        sqs: a boto3 client with a read timeout above ``wait_s``.
        name: the queue's name.
        visibility_s: how long a message stays ours unless a heartbeat extends it.
        wait_s: seconds to wait for a message when all is quiet.

    Raises:
        botocore.exceptions.ClientError: there is no such queue.
    """

    def __init__(self, sqs: Any, name: str, *, visibility_s: int, wait_s: int) -> None:
        self._sqs = sqs
        self._visibility_s = visibility_s
        self._wait_s = wait_s
        self._url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        self._arn = found["Attributes"]["QueueArn"]

    def receive(self) -> Record | None:
        """The next message, as Lambda hands it to a handler; None when none came in time."""
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=1,
            WaitTimeSeconds=self._wait_s,
            VisibilityTimeout=self._visibility_s,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        messages = answer.get("Messages", [])
        return record(messages[0], self._arn) if messages else None

    def is_empty(self) -> bool:
        """Whether no message waits, as far as the queue knows; none is touched."""
        count = "ApproximateNumberOfMessages"
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[count])
        return int(found["Attributes"][count]) == 0

    def delete(self, message: Record) -> None:
        """Its work is done, for good or bad."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["receiptHandle"])

    def give_back(self, message: Record) -> None:
        """Let others have it at once, as if it had never been delivered.

        It is sent anew: one that is only made visible again remembers each delivery, and would end
        among the dead letters although nothing was ever wrong with it.
        """
        self._sqs.send_message(QueueUrl=self._url, **copied(message))
        self.delete(message)


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
