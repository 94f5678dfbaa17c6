"""The dead-letter queues: messages that no delivery brought to an end.

Who looks at a message hides it from all others. Here whoever looks puts back what is left as soon
as the look is over, so that the janitor, who looks all the time, and a person, who wants to send
messages on, each see all of them.
"""

import time
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.core.topology import LARGER, Lane, Names

_AT_ONCE = 10  # SQS's limit on messages a request
_PATIENCE_S = 20  # SQS's longest poll
# How long the janitor looks, and how long its look hides messages should it be cut off.
_JANITORS_LOOK_S, _JANITOR_HIDES_S = 20.0, 60
# The same of a whole walk; the messages of a longer one come into sight while it goes on.
_WALK_HIDES_S = 900
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
_SOURCES = {*LARGER, *LARGER.values()}
_GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


@dataclass
class Letter:
    """A dead letter while it is looked at.

    Attributes:
        function: whose queue gave up on it.
        source: the queue it came from, where SQS says so.
        attributes: those that its sender gave it.
        gone: it was sent back, and is no dead letter any more.
    """

    function: str
    body: str
    message_id: str
    receipt: str
    source: str | None
    attributes: dict[str, Any]
    gone: bool = False


class DeadLetters:
    """Looks at dead letters, and sends them back.

    Args:
        sqs: a boto3 client.
        names: where the queues are.
        functions: whose.
    """

    def __init__(self, sqs: Any, names: Names, functions: Collection[str]) -> None:
        self._sqs = sqs
        self._names = names
        self.functions = tuple(functions)

    def bodies(self) -> Iterator[tuple[str, str]]:
        """Function and body of each message, or of as many as can be looked at in 20 s."""
        end = time.monotonic() + _JANITORS_LOOK_S
        for function in self.functions:
            with closing(self.walk(function, hidden_s=_JANITOR_HIDES_S)) as letters:
                for letter in letters:
                    yield function, letter.body
                    if time.monotonic() > end:
                        return

    def count(self, function: str) -> int:
        """About how many there are, those that somebody is looking at included."""
        url = self._url(function, "dlq")
        if url is None:
            return 0
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
        return sum(int(found[name]) for name in _COUNTS)

    def walk(
        self, function: str, *, expected: int = 0, hidden_s: int = _WALK_HIDES_S
    ) -> Generator[Letter, None, None]:
        """Each message once, hidden from others until the walk is over.

        Args:
            function: whose.
            expected: until so many were seen, those that others look at are waited for.
            hidden_s: after which all are in sight again should this process be killed.
        """
        url = self._url(function, "dlq")
        if url is None:
            return  # a stage that the topology has and this installation not yet
        held: dict[str, str] = {}
        seen = 0
        try:
            while True:
                wait_s = _PATIENCE_S if seen < expected else 0
                found = self._receive(function, url, wait_s=wait_s, hidden_s=hidden_s)
                fresh = [letter for letter in found if letter.message_id not in held]
                held |= {letter.message_id: letter.receipt for letter in found}
                if not found or (not fresh and seen >= expected):
                    return
                for letter in fresh:
                    seen += 1
                    yield letter
                    if letter.gone:
                        del held[letter.message_id]
        finally:
            self._put_back(url, list(held.values()))

    def send_back(self, letter: Letter, lane: Lane) -> None:
        """Send a message to the queue it came from; only then is it no dead letter any more.

        Args:
            letter: from ``walk``.
            lane: the queue, if SQS does not know where it came from.
        """
        known = letter.source in {self._names.queue(letter.function, one) for one in _SOURCES}
        queue = letter.source if known else self._names.queue(letter.function, lane)
        self._sqs.send_message(
            QueueUrl=self._sqs.get_queue_url(QueueName=queue)["QueueUrl"],
            MessageBody=letter.body,
            MessageAttributes=letter.attributes,
        )
        self._sqs.delete_message(
            QueueUrl=self._url(letter.function, "dlq"), ReceiptHandle=letter.receipt
        )
        letter.gone = True

    def _receive(self, function: str, url: str, *, wait_s: int, hidden_s: int) -> list[Letter]:
        found = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_AT_ONCE,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=hidden_s,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return [_letter(function, message) for message in found.get("Messages", [])]

    def _put_back(self, url: str, receipts: list[str]) -> None:
        for start in range(0, len(receipts), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + _AT_ONCE])
            ]
            # One that timed out or was deleted meanwhile is refused, and rightly so.
            self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)

    def _url(self, function: str, lane: Lane) -> str | None:
        try:
            return str(
                self._sqs.get_queue_url(QueueName=self._names.queue(function, lane))["QueueUrl"]
            )
        except ClientError as error:
            if aws.code(error) not in _GONE:
                raise
            return None


def _letter(function: str, message: dict[str, Any]) -> Letter:
    arn = message.get("Attributes", {}).get("DeadLetterQueueSourceArn")
    return Letter(
        function=function,
        body=message["Body"],
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        source=arn.rsplit(":", 1)[-1] if arn else None,
        attributes=message.get("MessageAttributes", {}),
    )
