"""The composition root, which constructs the parts of a process.

Tests replace parts by passing them; nothing else in the project constructs these objects. Modules
that only some processes need are imported in the functions that use them. A cold start of the query
API, which needs no runner and no driver, takes as long as its imports.
"""

import logging
import os
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError

from pipeline.aws import clients as aws
from pipeline.aws import event_bus
from pipeline.aws.adding import Adder
from pipeline.aws.addresses import Addresses
from pipeline.aws.announce import Announcer
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.search_merge import Merge
from pipeline.aws.catalog.standing import Standings
from pipeline.aws.catalog.table import Table
from pipeline.aws.catalog.videos import Videos
from pipeline.aws.cloudfront import Cdn
from pipeline.aws.multipart import Multipart
from pipeline.aws.notified import Notified
from pipeline.aws.queues import Queue, counts
from pipeline.aws.receiving import Receiver
from pipeline.aws.relayed import Store
from pipeline.aws.uploads import Uploads
from pipeline.core import setting_names
from pipeline.core.errors import InvalidArgument, InvalidSettings
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, JANITOR, REPLAYS
from pipeline.replays.store import Replays
from pipeline.results.search.index import SearchIndex
from pipeline.results.search.search import Search
from pipeline.results.versions import Versions
from pipeline.stages import loading
from pipeline.telemetry import function as telemetry
from pipeline.telemetry.tracing import Handler

if TYPE_CHECKING:
    from pipeline.aws.backfill import Backfill
    from pipeline.aws.missing import Missing
    from pipeline.aws.watch import Watch
    from pipeline.costs.estimator import Estimator
    from pipeline.costs.unseen import Unseen
    from pipeline.replays.driver import Driver
    from pipeline.results.deletion import Deletions
    from pipeline.results.jobs import Jobs
    from pipeline.results.outgoing.consumer import EventConsumer
    from pipeline.results.outgoing.deliverer import Deliverer
    from pipeline.results.outgoing.registration import Registration
    from pipeline.results.retention import Retention
    from pipeline.runs.janitor import Janitor
    from pipeline.runs.redrive import Redrive
    from pipeline.runs.runner import Runner

log = logging.getLogger(__name__)


@cache
def settings() -> Settings:
    """Return this process's settings.

    Raises:
        InvalidSettings: ``bad_settings``: a variable or the topology is wrong.
    """
    try:
        found = Settings()
        _ = found.topology
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidSettings("bad_settings", f"{error.title} are wrong. {wrong}.") from error
    except (OSError, SettingsError) as error:
        raise InvalidSettings("bad_settings", f"Settings are wrong: {error}.") from error
    return found


def set_up_telemetry(service: str) -> None:
    """Set up logs and metrics of a process for its host, by its name, for example ``worker``."""
    telemetry.set_up(service, settings())
    for sentence in setting_names.mistyped(os.environ):
        log.warning("%s", sentence)


def observed(function: str) -> Callable[[Handler], Handler]:
    """Return the decorator that sets up logs, metrics and traces of a handler for its host."""
    return telemetry.observed(function, settings())


def catalog(config: Settings) -> Catalog:
    """Return the catalog of this installation."""
    table = Table(aws.table(config.names.table))
    index, stages = search_index(config, table), config.topology.stages
    # Most processes send no events, and need no client for them.
    send = Announcer(lambda each: event_bus.put(aws.client("events"), each), config.names.bus)
    return Catalog(table, stages, index, send)


def event_consumer(config: Settings) -> "EventConsumer":
    """Return the consumer of events, which logs and delivers them."""
    from pipeline.results.outgoing.consumer import EventConsumer

    return EventConsumer(known := catalog(config), _deliverer(config, known))


def webhooks(config: Settings) -> "Registration":
    """Return the webhooks of this installation."""
    from pipeline.results.outgoing.registration import Registration

    return Registration(known := catalog(config), _deliverer(config, known))


def _deliverer(config: Settings, known: Catalog) -> "Deliverer":
    from pipeline.results.outgoing.deliverer import Deliverer

    queue = Queue(config.names.queue(EVENTS, "webhooks"))
    return Deliverer(known.webhooks, queue, private=config.private_webhooks)


def search_index(config: Settings, table: Table | None = None) -> SearchIndex:
    """Return the search index of this installation."""
    known = table or Table(aws.table(config.names.table))
    stages = config.topology.stages
    return SearchIndex(
        Merge(known, Standings(known, stages)),
        Videos(known, stages),
        lambda key: artifacts(config).stream(key),  # most processes read no file for it
    )


def search(config: Settings) -> Search:
    """Return the search of this installation."""
    return Search(Table(aws.table(config.names.table)), standings(config))


def standings(config: Settings) -> Standings:
    """Return the reader of what a search needs of this installation's videos."""
    return Standings(Table(aws.table(config.names.table)), config.topology.stages)


def artifacts(config: Settings) -> Artifacts:
    """Return the artifacts of this installation."""
    cdn = Cdn(aws.client("ssm"), config.cdn) if config.cdn else None
    s3, bucket = aws.client("s3"), config.names.artifacts_bucket
    return Artifacts(s3, bucket, presign_s=config.presign_s, cdn=cdn, relay=config.relay)


def uploads(config: Settings) -> Uploads:
    """Return the uploads of this installation, for clients that upload videos."""
    return Uploads(aws.client("s3"), config.names.uploads_bucket, config.topology.uploads.prefix)


def originals(config: Settings) -> Addresses:
    """Return the signer of the URLs of uploaded files."""
    bucket = config.names.uploads_bucket
    return Addresses(aws.client("s3"), bucket, presign_s=config.presign_s, relay=config.relay)


def adder(config: Settings) -> Adder:
    """Return the addition of files to this installation."""
    return Adder(uploads(config), catalog(config))


def receiver(config: Settings) -> Receiver:
    """Return the uploads that others send to this installation in parts."""
    bucket = config.names.uploads_bucket
    parts = Multipart(aws.client("s3"), bucket, lasts_s=config.presign_s, relay=config.relay)
    return Receiver(parts, uploads(config), catalog(config))


def notified(config: Settings) -> Notified:
    """Return the receiver of notifications of this installation's store."""
    return Notified(aws.client("s3"), config)


def watch(config: Settings) -> "Watch":
    """Return the search for uploads that no event told of."""
    from pipeline.aws.watch import Watch

    known, table = catalog(config), Table(aws.table(config.names.table))
    prefix, send = config.topology.uploads.prefix, notified(config)
    return Watch(missing(config), prefix, catalog=known, notified=send, table=table)


def missing(config: Settings) -> "Missing":
    """Return the comparison of the uploads bucket with the catalog."""
    from pipeline.aws.missing import Missing

    return Missing(aws.client("s3"), config.names.uploads_bucket, catalog(config))


def backfill(config: Settings) -> "Backfill":
    """Return the walk through what lies in the uploads bucket already."""
    from pipeline.aws.backfill import Backfill

    def waiting() -> int:
        names, stages = config.names, config.topology.stages
        return max(counts(names.queue(one, "replay")).waiting for one in stages)

    table, window = Table(aws.table(config.names.table)), config.replay_window
    return Backfill(missing(config), notified(config), table, waiting=waiting, window=window)


def store(config: Settings) -> Store | None:
    """Return S3 as the API hands requests on to it; None if clients reach it themselves."""
    if not config.relay:
        return None
    buckets = config.names.uploads_bucket, config.names.artifacts_bucket
    return Store(aws.client("s3").meta.endpoint_url, buckets)


def versions(config: Settings) -> Versions:
    """Return the versions of this installation's results."""
    return Versions(catalog(config), artifacts(config))


def deletions(config: Settings) -> "Deletions":
    """Return the deletion of this installation's videos."""
    from pipeline.aws.artifact_inventory import Attempts
    from pipeline.results.deletion import Deletions

    files = Attempts(aws.client("s3"), config.names.artifacts_bucket)
    known, bucket, days = catalog(config), uploads(config), config.old_uploads_days
    return Deletions(known, bucket, files, lease_s=config.lease_s, kept_days=days)


def jobs(config: Settings) -> "Jobs":
    """Return what runs, waits and failed in this installation."""
    from pipeline.results.jobs import Jobs

    return Jobs(catalog(config), lambda *queue: counts(config.names.queue(*queue)))


def janitor(config: Settings) -> "Janitor":
    """Return the janitor of this installation."""
    from pipeline.aws.dead_letters import DeadLetterQueues
    from pipeline.runs.janitor import Janitor

    dead_letters = DeadLetterQueues(aws.client("sqs"), config.names, list(config.topology.stages))
    timeout_s = config.topology.janitor.timeout_s
    return Janitor(
        known := catalog(config),
        replays(config).wake_overdue,
        dead_letters.bodies,
        grace_s=config.redelivery_s,
        merge_index=partial(search_index(config).merge, within_s=timeout_s / 4),
        check=config.check_place,
        deletions=deletions(config),
        wake_hosts=_host_pool(config, known),
    )


def _host_pool(config: Settings, known: Catalog) -> Callable[[], object]:
    from pipeline.aws.host_jobs import HostJobs
    from pipeline.runs.host_pool import HostPool

    if config.pool is None:
        return lambda: None
    jobs = HostJobs(aws.client("batch"), config.pool)
    return HostPool(
        config.pool,
        jobs,
        lambda *queue: counts(config.names.queue(*queue)).waiting,
        known.pauses.all,
    ).wake


def replays(config: Settings) -> Replays:
    """Return the store of this installation's replays."""
    table = Table(aws.table(config.names.table))
    spec = config.topology.replays
    return Replays(
        table,
        aws.client("events"),
        bus=config.names.bus,
        spec=spec,
        most_usd=config.max_replay_usd,
    )


def driver(config: Settings) -> "Driver":
    """Return the driver, which plans and runs replays."""
    from pipeline.replays.driver import Driver, Pace
    from pipeline.replays.examiner import Examiner
    from pipeline.replays.lanes import Lanes
    from pipeline.replays.settlement import Settlement

    known, files = catalog(config), artifacts(config)
    modules = {stage: loading.module(stage, config) for stage in config.topology.stages}
    lanes = Lanes(aws.client("events"), aws.client("sqs"), config)
    prices = estimator(config)
    return Driver(
        replays(config),
        Examiner(known, files, modules, config),
        prices,
        lanes,
        Settlement(known, files, lanes, prices),
        pace=Pace(lease_s=config.lease_s, window=config.replay_window),
    )


def estimator(config: Settings) -> "Estimator":
    """Return an estimator of the duration and cost of runs, from the timings recorded so far.

    Raises:
        InvalidSettings: ``bad_prices``.
    """
    from pipeline.costs.estimator import Estimator
    from pipeline.costs.run_price import Prices

    prices = Prices.read(config.prices_path)
    return Estimator(catalog(config).timings.all(), prices, config.topology)


def unseen(config: Settings) -> "Unseen":
    """Return an estimator of videos of which only number and size are known; see ``estimator``."""
    from pipeline.costs.unseen import Unseen

    return Unseen(estimator(config), catalog(config).timings.all())


def retention(config: Settings) -> "Retention":
    """Return the retention of this installation, which removes old results."""
    from pipeline.aws.artifact_inventory import Attempts
    from pipeline.results.retention import Retention

    return Retention(catalog(config), Attempts(aws.client("s3"), config.names.artifacts_bucket))


def redrive(config: Settings) -> "Redrive":
    """Return the redrive of this installation, which sends dead-lettered messages again."""
    from pipeline.aws.dead_letters import DeadLetterQueues
    from pipeline.runs.redrive import Redrive

    functions = [*config.topology.stages, JANITOR, REPLAYS, EVENTS]
    return Redrive(DeadLetterQueues(aws.client("sqs"), config.names, functions), catalog(config))


def runner(stage: str, config: Settings) -> "Runner":
    """Return the runner of ``stage``.

    Raises:
        InvalidSettings: ``bad_settings``: the topology has no such stage; see also ``module``.
    """
    from pipeline.runs.runner import Runner

    try:
        loaded = loading.module(stage, config)
    except InvalidArgument as error:
        # A host gets the stage from its settings.
        raise InvalidSettings("bad_settings", f"VIDEODROP_STAGE: {error.message}") from error
    return Runner(
        stage,
        loaded,
        catalog=catalog(config),
        artifacts=artifacts(config),
        settings=config,
        cancelled=replays(config).cancelled,
    )
