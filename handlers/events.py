"""Events out: the log and the webhooks, from their two queues. Wiring only."""

import logging
from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.results.outgoing.consumer import EventConsumer

log = logging.getLogger(__name__)


@cache
def _consumer() -> EventConsumer:
    return bootstrap.event_consumer(bootstrap.settings())


@bootstrap.observed("events")
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle a batch of messages."""
    failures = []
    for record in event["Records"]:
        try:
            _consumer().handle(record["body"])
        except Exception:
            # It is delivered again until SQS moves it to the dead-letter queue.
            log.exception("message %s could not be handled", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
