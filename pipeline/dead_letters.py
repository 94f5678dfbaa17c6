"""The dead-letter queues: messages that no delivery brought to an end."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from pipeline import aws
from pipeline.topology import Names

_AT_ONCE = 10  # SQS's limit on messages a request
_LOOKS = 20
# So long a message that was looked at stays out of sight: the next look sees others.
_OUT_OF_SIGHT_S = 900
_GONE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}


class DeadLetters:
    """Looks at dead letters and leaves them where they are, for a person to send on again.

    Args:
        sqs: a boto3 client.
        names: where the queues are.
        stages: whose.
    """

    def __init__(self, sqs: Any, names: Names, stages: list[str]) -> None:
        self._sqs = sqs
        self._names = names
        self._stages = stages

    def bodies(self) -> Iterator[tuple[str, str]]:
        """Stage and body of some messages, at most a few hundred a stage."""
        for stage in self._stages:
            try:
                url = self._sqs.get_queue_url(QueueName=self._names.queue(stage, "dlq"))["QueueUrl"]
            except ClientError as error:
                if aws.code(error) in _GONE:
                    continue  # a stage that the topology has and this installation not yet
                raise
            for _ in range(_LOOKS):
                found = self._sqs.receive_message(
                    QueueUrl=url,
                    MaxNumberOfMessages=_AT_ONCE,
                    VisibilityTimeout=_OUT_OF_SIGHT_S,
                ).get("Messages", [])
                yield from ((stage, message["Body"]) for message in found)
                if not found:
                    break
