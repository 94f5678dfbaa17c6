"""The driver of replays: "Replay Requested" events from its queue. Wiring only."""

from functools import partial
from typing import Any

from pipeline import bootstrap
from pipeline.aws.messages import extender
from pipeline.core import events
from pipeline.core.errors import Busy
from pipeline.runs import batch
from pipeline.runs.delivery import Retry

# Reserved of the function's own deadline, for the last checkpoint.
_MARGIN_S = 30.0


@bootstrap.observed("replays")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Drive the replay of each message until it ends or the function's time is used up."""
    return batch.handled(event, partial(_drive, context))


def _drive(context: Any, record: dict[str, Any]) -> None:
    config = bootstrap.settings()
    receives = int(record["attributes"]["ApproximateReceiveCount"])
    wake_up = events.replay_requested(record["body"])
    seconds = context.get_remaining_time_in_millis() / 1000 - _MARGIN_S
    # A new driver for each turn, so that it reads current run times and models.
    driver = bootstrap.driver(config)
    beat = partial(extender(record), config.lease_s)
    try:
        driver.drive(wake_up, seconds=seconds, beat=beat, receives=receives)
    except Busy as busy:
        # At the first delivery another driver runs; it reads the desired state at each checkpoint,
        # so the message is not needed. A later delivery may be the message of a killed driver, so
        # it is retried.
        if receives > 1:
            raise Retry(busy.seconds + 1, str(busy)) from busy
