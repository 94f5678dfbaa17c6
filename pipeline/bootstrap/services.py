"""Constructors of what does work: runner, janitor, driver, deletions, prices."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from pipeline.aws import clients as aws
from pipeline.aws.catalog import Catalog
from pipeline.aws.queues import Queue, counts
from pipeline.bootstrap.stores import artifacts, catalog, replays, search_index, uploads
from pipeline.core.errors import InvalidArgument, InvalidSettings
from pipeline.core.settings import Settings
from pipeline.core.topology import EVENTS, JANITOR, REPLAYS
from pipeline.stages import loading

if TYPE_CHECKING:
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
