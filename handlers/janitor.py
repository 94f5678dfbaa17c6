"""The janitor: deletions from its queue, and expired runs on a schedule. Wiring only."""

import logging
from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.runs.janitor import Janitor

log = logging.getLogger(__name__)


@cache
def _janitor() -> Janitor:
    return bootstrap.janitor(bootstrap.settings())


@bootstrap.observed("janitor")
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle a batch of messages, or an event of the schedule."""
    if "Records" not in event:
        return {"ended": _janitor().tidy()}
    failures = []
    for record in event["Records"]:
        try:
            _janitor().handle(record["body"])
        except Exception:
            # It is delivered again until SQS moves it to the dead-letter queue.
            log.exception("message %s could not be handled", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
