"""One lane of a function: receive a message, convert it to Lambda's event, and delete it.

It works like Lambda's event source mapping for SQS with a batch size of one.
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
        visibility_s: visibility timeout of a received message, which a heartbeat may extend.
        wait_s: long-poll seconds.

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
        """Return the next message in Lambda's form; None if none arrives within ``wait_s``."""
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
        """Return whether the queue's approximate count of messages is 0; receive none."""
        count = "ApproximateNumberOfMessages"
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[count])
        return int(found["Attributes"][count]) == 0

    def delete(self, message: Record) -> None:
        """Delete a message whose work is done or has failed permanently."""
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["receiptHandle"])

    def give_back(self, message: Record) -> None:
        """Return a message to the queue at once, with no deliveries counted.

        A copy is sent. A message that is only made visible again keeps its receive count, and would
        be dead-lettered although it never failed.
        """
        self._sqs.send_message(QueueUrl=self._url, **copied(message))
        self.delete(message)


def record(message: dict[str, Any], queue_arn: str) -> Record:
    """Convert an SQS message from boto3's form to the form that Lambda passes to a handler.

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
    """Return the IDs of a batch's failed messages, from the handler's response.

    As on Lambda, an empty response or an empty ``batchItemFailures`` is success. Anything that does
    not name messages of the batch fails the whole batch.
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
