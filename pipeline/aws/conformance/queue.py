"""The checks of SQS."""

import json
import time
from contextlib import ExitStack, suppress
from typing import Any

from pipeline.aws import clients as aws
from pipeline.aws.conformance.check import Check, awaited, expect

_HIDDEN_S = 2
_SOON_S = 6.0


def checks(name: str, leaving: ExitStack) -> list[Check]:
    """Make queues of this name until ``leaving`` ends, and return their checks."""
    queue = _Queue(name)
    leaving.callback(queue.remove)
    queue.make()
    return [
        Check("a message is received with its attributes", queue.received, "Nothing is processed."),
        Check("a group of a message on a standard queue", queue.groups, _RANGES),
        Check("a received message is hidden, then delivered again", queue.hidden, _STUCK),
        Check("a message can be hidden for longer, or given back", queue.extended, _STUCK),
        Check("a message that fails again and again is dead-lettered", queue.dead, _FOREVER),
        Check("a delayed message", queue.delayed, "Retries are not spaced."),
        Check("a deleted message stays away", queue.deleted, "Everything is done twice."),
    ]


_RANGES = "Long videos cannot be spread over workers."
_STUCK = "What a killed worker had in hand would be lost, or done by two."
_FOREVER = "A message that cannot be handled comes for ever."


class _Queue:
    def __init__(self, name: str) -> None:
        self._sqs = aws.client("sqs")
        self._name = name
        self._urls: list[str] = []

    def make(self) -> None:
        dead = self._made(f"{self._name}-dead", {})
        arn = self._sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        redrive = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": 2}
        policy = {"RedrivePolicy": json.dumps(redrive), "VisibilityTimeout": str(_HIDDEN_S)}
        self._made(self._name, policy)

    def _made(self, name: str, attributes: Any) -> str:
        url = str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
        self._urls.append(url)
        return url

    def remove(self) -> None:
        for url in self._urls:
            with suppress(*aws.ERRORS):
                self._sqs.delete_queue(QueueUrl=url)

    def _send(self, body: str, **more: Any) -> None:
        self._sqs.send_message(QueueUrl=self._urls[1], MessageBody=body, **more)

    def _receive(self, body: str, within_s: float = _SOON_S, of: int = 1) -> Any:
        """Return the message with this body; None if it does not come. Others are deleted."""

        def look() -> Any:
            found = self._sqs.receive_message(
                QueueUrl=self._urls[of],
                WaitTimeSeconds=1 if within_s else 0,
                MaxNumberOfMessages=10,
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages", [])
            for one in found:
                if one["Body"] != body:
                    self._delete(one, of)
            return next((one for one in found if one["Body"] == body), None)

        return awaited(look, within_s)

    def _delete(self, message: Any, of: int = 1) -> None:
        self._sqs.delete_message(QueueUrl=self._urls[of], ReceiptHandle=message["ReceiptHandle"])

    def received(self) -> None:
        trace = {"DataType": "String", "StringValue": "a value"}
        self._send("first", MessageAttributes={"name": trace})
        found = self._receive("first")
        expect(found is not None, True, "Being received")
        expect(found["Attributes"]["ApproximateReceiveCount"], "1", "The number of deliveries")
        expect("SentTimestamp" in found["Attributes"], True, "Having a time")
        expect(found["MessageAttributes"]["name"]["StringValue"], "a value", "The attribute")
        self._delete(found)

    def groups(self) -> None:
        entry: Any = {"Id": "1", "MessageBody": "group", "MessageGroupId": "a-video"}
        sent = self._sqs.send_message_batch(QueueUrl=self._urls[1], Entries=[entry])
        expect(sent.get("Failed", []), [], "The list of failures")
        found = self._receive("group")
        expect(found is not None, True, "Being received")
        self._delete(found)

    def hidden(self) -> None:
        self._send("hidden")
        self._receive("hidden")
        expect(self._receive("hidden", 0.0), None, "A hidden message")
        again = self._receive("hidden")
        expect(again is not None, True, "Being delivered again")
        expect(again["Attributes"]["ApproximateReceiveCount"], "2", "The number of deliveries")
        self._delete(again)

    def extended(self) -> None:
        self._send("extended")
        found = self._receive("extended")
        place = {"QueueUrl": self._urls[1], "ReceiptHandle": found["ReceiptHandle"]}
        self._sqs.change_message_visibility(**place, VisibilityTimeout=30)
        time.sleep(_HIDDEN_S)
        expect(self._receive("extended", 0.0), None, "A message that is hidden for longer")
        self._sqs.change_message_visibility(**place, VisibilityTimeout=0)
        again = self._receive("extended")
        expect(again is not None, True, "Being given back")
        self._delete(again)

    def dead(self) -> None:
        self._send("dead")
        for _ in range(2):
            found = self._receive("dead")
            expect(found is not None, True, "Being delivered")
            place = {"QueueUrl": self._urls[1], "ReceiptHandle": found["ReceiptHandle"]}
            self._sqs.change_message_visibility(**place, VisibilityTimeout=0)
        expect(self._receive("dead", 0.0), None, "A third delivery")
        found = self._receive("dead", of=0)
        expect(found is not None, True, "Being dead-lettered")

    def delayed(self) -> None:
        self._send("delayed", DelaySeconds=_HIDDEN_S)
        expect(self._receive("delayed", 0.0), None, "A delayed message")
        found = self._receive("delayed")
        expect(found is not None, True, "Being delivered")
        self._delete(found)

    def deleted(self) -> None:
        self._send("deleted")
        self._delete(self._receive("deleted"))
        expect(self._receive("deleted", _HIDDEN_S + 1), None, "A deleted message")
