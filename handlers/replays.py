"""The driver of replays: "Replay Requested" events from its queue. Wiring only."""

import logging
from functools import partial
from typing import Any

from pipeline import bootstrap
from pipeline.aws.messages import extender
from pipeline.core import events
from pipeline.core.errors import Busy

log = logging.getLogger(__name__)

# Reserved of the function's own deadline, for the last checkpoint.
_MARGIN_S = 30.0


@bootstrap.observed("replays")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Drive the replay of each message until it ends or the function's time is used up."""
    config = bootstrap.settings()
    failures = []
    for record in event["Records"]:
        extend = extender(record)
        receives = int(record["attributes"]["ApproximateReceiveCount"])
        try:
            wake_up = events.replay_requested(record["body"])
            seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN_S
            # A new driver for each turn, so that it reads current run times and models.
            driver = bootstrap.driver(config)
            driver.drive(
                wake_up,
                seconds=seconds,
                beat=partial(extend, config.lease_s),
                receives=receives,
            )
        except Busy as busy:
            # At the first delivery another driver runs; it reads the desired state at each
            # checkpoint, so the message is not needed. A later delivery may be the message of a
            # killed driver, so it is retried.
            if receives > 1:
                extend(int(busy.seconds) + 1)
                failures.append({"itemIdentifier": record["messageId"]})
        except Exception:
            log.exception("message %s could not be handled", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
