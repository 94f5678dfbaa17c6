"""A batch of messages as Lambda passes it to a handler: each is handled, or delivered again.

Without an answer of ours SQS would hide a message that failed for its queue's visibility timeout,
which is as long as six time limits of its function.
"""

import logging
from collections.abc import Callable
from typing import Any

from pipeline.aws.messages import extender
from pipeline.runs import waits
from pipeline.runs.delivery import Retry

log = logging.getLogger(__name__)

Record = dict[str, Any]


def handled(event: dict[str, Any], handle: Callable[[Record], object]) -> dict[str, Any]:
    """Handle the messages of an event, one after another.

    A message that fails does not delay the others. It is delivered again, after a wait that grows,
    until SQS moves it to the dead-letter queue.

    Args:
        event: of Lambda's event source mapping for SQS.
        handle: called with each record; raises ``Retry``, or any error.

    Returns:
        the messages to deliver again (``ReportBatchItemFailures``).
    """
    failures = []
    for record in event["Records"]:
        try:
            handle(record)
        except Retry as retry:
            wait_s = retry.seconds
        except Exception as error:
            # An unknown event, an outage, or a defect.
            wait_s = waits.unhandled_s(error, int(record["attributes"]["ApproximateReceiveCount"]))
            log.exception("message %s: again in %.0f s", record["messageId"], wait_s)
        else:
            continue
        extender(record)(int(wait_s))
        failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
