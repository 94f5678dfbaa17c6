"""The handler of every stage: ``VIDEODROP_STAGE`` says which. Wiring only.

An SQS event of Lambda's event source mapping comes in; what goes back names the messages to be
delivered again (``ReportBatchItemFailures``). ``{"warm_up": true}`` loads the models.
"""

import logging
from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.aws.messages import extender, lane, receipt, sender
from pipeline.core.topology import LARGER
from pipeline.runs.delivery import Delivery, Retry
from pipeline.runs.runner import Runner
from pipeline.runs.workdir import sweep

log = logging.getLogger(__name__)

# What cannot be loaded takes no messages. Later every one of them would end as a failed run.
bootstrap.check_device(bootstrap.settings())


@cache
def _runner() -> Runner:
    config = bootstrap.settings()
    sweep(config.scratch)
    return bootstrap.runner(config.stage or "", config)


@bootstrap.observed(bootstrap.settings().stage or "stage")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the stage for each message, one after the other."""
    if event.get("warm_up"):
        _runner().warm_up()
        return {}
    runner, config = _runner(), bootstrap.settings()
    stage = config.stage or ""
    failures = []
    for record in event["Records"]:
        attributes = record["attributes"]
        sent_ms = attributes.get("SentTimestamp")  # what was pushed waited in no queue
        delivery = Delivery(
            seconds_left=context.get_remaining_time_in_millis() / 1000,
            extend=extender(record),
            receives=int(attributes["ApproximateReceiveCount"]),
            large=lane(record, stage, config) in LARGER.values(),
            send_on=sender(record, stage, config),
            sent_at=int(sent_ms) / 1000 if sent_ms else None,
            receipt=receipt(record),
        )
        try:
            runner.handle(record["body"], delivery)
        except Retry as retry:
            extender(record)(int(retry.seconds))
            failures.append({"itemIdentifier": record["messageId"]})
        except Exception:
            # Not one of our events, or a defect: it is delivered again until the queue moves it to
            # the dead-letter queue. The other messages of its batch are handled.
            log.exception("message %s could not be handled", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
