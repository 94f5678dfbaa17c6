"""The handler of every stage: ``VIDEODROP_STAGE`` says which. Wiring only.

An SQS event of Lambda's event source mapping comes in; what goes back names the messages to be
delivered again (``ReportBatchItemFailures``). ``{"warm_up": true}`` loads the models.
"""

import logging
from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.aws.messages import extender, queue_name, receipt, sender
from pipeline.core.topology import LARGER
from pipeline.runs.runner import Delivery, Retry, Runner
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
            large=config.names.lane(stage, queue_name(record)) in LARGER.values(),
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
            # No event of ours, or a defect: it comes again until the queue moves it to the dead
            # letters, and holds up no other message of its batch.
            log.exception("message %s could not be handled", record["messageId"])
            failures.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failures}
