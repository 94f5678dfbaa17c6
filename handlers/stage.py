"""The handler of the stage that ``VIDEODROP_STAGE`` names. Wiring only.

The input is an SQS event of Lambda's event source mapping. The output lists the messages to
deliver again (``ReportBatchItemFailures``). ``{"warm_up": true}`` loads the models.
``{"warm_up": "imports"}`` does what can be done before that without a device, and makes no client:
a snapshot of the process may follow. Lambda's provisioned executions load the models when they are
initialised.
"""

import os
from functools import cache, partial
from typing import Any

from pipeline import bootstrap
from pipeline.aws.messages import extender, receipt
from pipeline.aws.queues import queue_of
from pipeline.runs import batch
from pipeline.runs.delivery import Delivery
from pipeline.runs.runner import Runner
from pipeline.runs.workdir import sweep
from pipeline.stages import loading

# A process without its device must not receive messages: each would end as a failed run.
loading.check_device(bootstrap.settings())


@cache
def _runner() -> Runner:
    config = bootstrap.settings()
    sweep(config.scratch)
    return bootstrap.runner(config.stage or "", config)


@bootstrap.observed(bootstrap.settings().stage or "stage")
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the stage for each message, one after another."""
    if how := event.get("warm_up"):
        if how == "imports":
            loading.prepare(bootstrap.settings())
        else:
            _runner().warm_up()
        return {}
    # A host with wrong settings fails as a whole: no message is to blame.
    return batch.handled(event, partial(_handle, _runner(), context))


def _handle(runner: Runner, context: Any, record: dict[str, Any]) -> None:
    attributes = record["attributes"]
    sent_ms = attributes.get("SentTimestamp")  # missing in pushed events, which skip the queue
    delivery = Delivery(
        seconds_left=context.get_remaining_time_in_millis() / 1000,
        extend=extender(record),
        receives=int(attributes["ApproximateReceiveCount"]),
        sent_at=int(sent_ms) / 1000 if sent_ms else None,
        receipt=receipt(record),
        queue=queue_of(record),
    )
    runner.handle(record["body"], delivery)


# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency":
    _runner().warm_up()
