"""Events out: the log and the webhooks, from their two queues. Wiring only."""

from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.results.outgoing.consumer import EventConsumer
from pipeline.runs import batch


@cache
def _consumer() -> EventConsumer:
    return bootstrap.event_consumer(bootstrap.settings())


@bootstrap.observed("events")
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle a batch of messages."""
    return batch.handled(event, lambda record: _consumer().handle(record["body"]))
