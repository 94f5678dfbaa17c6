"""What handlers do with the messages that brought their events."""

import logging
from collections.abc import Callable
from functools import cache
from typing import Any

from pipeline import aws

log = logging.getLogger(__name__)


def extender(record: dict[str, Any]) -> Callable[[int], None]:
    """What keeps a record's message invisible for so many seconds from now."""
    queue_name = record["eventSourceARN"].rsplit(":", 1)[-1]

    def extend(seconds: int) -> None:
        try:
            aws.client("sqs").change_message_visibility(
                QueueUrl=queue_url(queue_name),
                ReceiptHandle=record["receiptHandle"],
                VisibilityTimeout=seconds,
            )
        except aws.ERRORS:
            # A lease still protects the work; the message may merely be seen once more.
            log.warning("visibility of %s not extended", record["messageId"], exc_info=True)

    return extend


@cache
def queue_url(name: str) -> str:
    """The address of a queue, looked up once a process."""
    return str(aws.client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
