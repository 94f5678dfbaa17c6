"""The dead-letter queues: messages whose deliveries all failed.

Receiving a message hides it from all other receivers. Here every message left is made visible again
at the end of a walk. So the janitor, which walks often, and a person who redrives messages each
see all of them.
"""

import logging
import time
from collections.abc import Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.queues import GONE
from pipeline.core.topology import Lane, Names

log = logging.getLogger(__name__)

_AT_ONCE = 10  # SQS's limit on messages a request
_PATIENCE_S = 20  # SQS's longest poll
# Time limit of the janitor's walk, and its visibility timeout, for when the janitor is killed.
_JANITOR_LIMIT_S, _JANITOR_HIDES_S = 20.0, 60
# Visibility timeout of a whole walk; messages of a longer one become visible during it.
_WALK_HIDES_S = 900
_COUNTS = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
_SOURCES: tuple[Lane, ...] = ("live", "replay")


@dataclass
class DeadMessage:
    """A dead-lettered message, received and hidden for the time of a walk.

    Attributes:
        function: whose queue it was dead-lettered from.
        source: the queue it came from, if SQS reports it.
        attributes: message attributes set by its sender.
        gone: True once it was sent back, so that it is not in the dead-letter queue any more.
    """

    function: str
    body: str
    message_id: str
    receipt: str
    source: str | None
    attributes: dict[str, Any]
    gone: bool = False


class DeadLetterQueues:
    """The dead-letter queues of some functions.

    Args:
        sqs: a boto3 client.
        names: names of the queues.
        functions: stages and other functions with such a queue.
    """

    def __init__(self, sqs: Any, names: Names, functions: Collection[str]) -> None:
        self._sqs = sqs
        self._names = names
        self.functions = tuple(functions)

    def bodies(self) -> Iterator[tuple[str, str]]:
        """Yield function and body of each message, or of those that can be received in 20 s."""
        end = time.monotonic() + _JANITOR_LIMIT_S
        for function in self.functions:
            with closing(self.walk(function, hidden_s=_JANITOR_HIDES_S)) as messages:
                for message in messages:
                    yield function, message.body
                    if time.monotonic() > end:
                        return

    def count(self, function: str) -> int:
        """Return the approximate number of messages, those that are hidden included."""
        url = self._url(function, "dlq")
        if url is None:
            return 0
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=_COUNTS)["Attributes"]
        return sum(int(found[name]) for name in _COUNTS)

    def walk(
        self, function: str, *, expected: int = 0, hidden_s: int = _WALK_HIDES_S
    ) -> Generator[DeadMessage, None, None]:
        """Yield each message once; it is hidden from other receivers until the end of the walk.

        Args:
            function: the function.
            expected: number of messages to wait for, as other receivers may hide some.
            hidden_s: visibility timeout, after which all are visible again if this process dies.
        """
        url = self._url(function, "dlq")
        if url is None:
            return  # a stage of the topology that is not deployed yet
        held: dict[str, str] = {}
        seen = 0
        try:
            while True:
                wait_s = _PATIENCE_S if seen < expected else 0
                found = self._receive(function, url, wait_s=wait_s, hidden_s=hidden_s)
                fresh = [message for message in found if message.message_id not in held]
                held |= {message.message_id: message.receipt for message in found}
                if not found or (not fresh and seen >= expected):
                    return
                for message in fresh:
                    seen += 1
                    yield message
                    if message.gone:
                        del held[message.message_id]
        finally:
            self._put_back(url, list(held.values()))

    def send_back(self, message: DeadMessage, lane: Lane) -> None:
        """Send a message to its source queue, then delete it from the dead-letter queue.

        Args:
            message: from ``walk``.
            lane: the queue to use if SQS reports no source, or one of an earlier version.
        """
        known = message.source in {self._names.queue(message.function, one) for one in _SOURCES}
        queue = message.source if known else self._names.queue(message.function, lane)
        self._sqs.send_message(
            QueueUrl=self._sqs.get_queue_url(QueueName=queue)["QueueUrl"],
            MessageBody=message.body,
            MessageAttributes=message.attributes,
        )
        self._sqs.delete_message(
            QueueUrl=self._url(message.function, "dlq"), ReceiptHandle=message.receipt
        )
        message.gone = True

    def _receive(self, function: str, url: str, *, wait_s: int, hidden_s: int) -> list[DeadMessage]:
        found = self._sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=_AT_ONCE,
            WaitTimeSeconds=wait_s,
            VisibilityTimeout=hidden_s,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        return [_message(function, message) for message in found.get("Messages", [])]

    def _put_back(self, url: str, receipts: list[str]) -> None:
        """Make messages visible again; if AWS fails, they become so after their timeout."""
        for start in range(0, len(receipts), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for number, receipt in enumerate(receipts[start : start + _AT_ONCE])
            ]
            # Entries whose receipt expired or was deleted fail, which does no harm.
            try:
                self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)
            except aws.ERRORS:
                log.warning("messages of %s stay hidden for some minutes", url, exc_info=True)
                return

    def _url(self, function: str, lane: Lane) -> str | None:
        try:
            return str(
                self._sqs.get_queue_url(QueueName=self._names.queue(function, lane))["QueueUrl"]
            )
        except ClientError as error:
            if aws.code(error) not in GONE:
                raise
            return None


def _message(function: str, message: dict[str, Any]) -> DeadMessage:
    arn = message.get("Attributes", {}).get("DeadLetterQueueSourceArn")
    return DeadMessage(
        function=function,
        body=message["Body"],
        message_id=message["MessageId"],
        receipt=message["ReceiptHandle"],
        source=arn.rsplit(":", 1)[-1] if arn else None,
        attributes=message.get("MessageAttributes", {}),
    )
