"""The composition root, which constructs the parts of a process.

Tests replace parts by passing them; nothing else in the project constructs these objects. Modules
that only some processes need are imported in the functions that use them. A cold start of the query
API, which needs no runner and no driver, takes as long as its imports.
"""

from pipeline.bootstrap.process import (
    observed,
    set_up_telemetry,
    settings,
)
from pipeline.bootstrap.services import (
    deletions,
    driver,
    estimator,
    event_consumer,
    janitor,
    jobs,
    redrive,
    retention,
    runner,
    unseen,
    webhooks,
)
from pipeline.bootstrap.stores import (
    adder,
    artifacts,
    backfill,
    catalog,
    missing,
    notified,
    originals,
    receiver,
    replays,
    search,
    search_index,
    standings,
    store,
    uploads,
    versions,
    watch,
)

__all__ = [
    "adder",
    "artifacts",
    "backfill",
    "catalog",
    "deletions",
    "driver",
    "estimator",
    "event_consumer",
    "janitor",
    "jobs",
    "missing",
    "notified",
    "observed",
    "originals",
    "receiver",
    "redrive",
    "replays",
    "retention",
    "runner",
    "search",
    "search_index",
    "set_up_telemetry",
    "settings",
    "standings",
    "store",
    "unseen",
    "uploads",
    "versions",
    "watch",
    "webhooks",
]
