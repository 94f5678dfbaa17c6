"""A stage's queue as its own workers use it: to request ranges of a run."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from pipeline.aws import clients as aws
from pipeline.aws.messages import queue_name, queue_url, trace_attributes
from pipeline.core.errors import DependencyFailed

if TYPE_CHECKING:
    from types_boto3_sqs.literals import QueueAttributeNameType

_AT_ONCE = 10  # SQS's limit on messages a request
GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
"""The codes of SQS's error about a queue that does not exist."""
_COUNTS: list["QueueAttributeNameType"] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


class Queue:
    """A queue that messages are sent to.

    Args:
        name: of the queue.
        system: system attributes of each message: the trace.
    """

    def __init__(self, name: str, system: dict[str, Any] | None = None) -> None:
        self.name = name
        self._system = system or {}

    def send(self, bodies: Iterable[str], *, group: str, delay_s: int = 0) -> None:
        """Send messages.

        Args:
            bodies: the messages.
            group: SQS's fair queues let the messages of a large group wait for others.
            delay_s: seconds until they are delivered.

        Raises:
            DependencyFailed: ``not_sent``: SQS took only some of them; sending all again is safe.
        """
        left, common = list(bodies), {"MessageGroupId": group, "DelaySeconds": delay_s}
        for start in range(0, len(left), _AT_ONCE):
            entries: Any = [
                {"Id": str(number), "MessageBody": body, **common, **self._system}
                for number, body in enumerate(left[start : start + _AT_ONCE])
            ]
            answer = aws.client("sqs").send_message_batch(
                QueueUrl=queue_url(self.name), Entries=entries
            )
            if failed := answer.get("Failed"):
                raise DependencyFailed(
                    "not_sent",
                    f"{self.name} took {len(entries) - len(failed)} of {len(entries)} messages: "
                    f"{failed[0].get('Message', failed[0]['Code'])}",
                )

    def is_empty(self) -> bool:
        """Return True if SQS counts no message, waiting or in flight; the count is approximate."""
        return not any(counts(self.name))


class Counts(NamedTuple):
    """The messages of a queue, by SQS's approximate counts."""

    waiting: int
    at_work: int


def counts(name: str) -> Counts:
    """Return the messages of a queue; one of a stage that is not deployed yet has none."""
    try:
        found = aws.client("sqs").get_queue_attributes(
            QueueUrl=queue_url(name), AttributeNames=_COUNTS
        )
    except ClientError as error:
        if aws.code(error) not in GONE:
            raise
        return Counts(0, 0)
    ready, in_flight, delayed = (int(found["Attributes"][one]) for one in _COUNTS)
    return Counts(ready + delayed, in_flight)


def queue_of(record: dict[str, Any]) -> Queue | None:
    """Return the queue that a record's message came by; None for a pushed event."""
    if not record["receiptHandle"]:
        return None
    return Queue(queue_name(record), trace_attributes(record))
