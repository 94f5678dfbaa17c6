"""The janitor: deletions from its queue, and expired runs on a schedule. Wiring only."""

from functools import cache
from typing import Any

from pipeline import bootstrap
from pipeline.runs import batch
from pipeline.runs.janitor import Janitor


@cache
def _janitor() -> Janitor:
    return bootstrap.janitor(bootstrap.settings())


@bootstrap.observed("janitor")
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """Handle a batch of messages, or an event of the schedule."""
    if "Records" not in event:
        return {"ended": _janitor().tidy()}
    return batch.handled(event, lambda record: _janitor().handle(record["body"]))
