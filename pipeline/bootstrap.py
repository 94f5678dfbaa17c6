"""The composition root: puts the parts together once a process.

Tests replace parts by passing them; nothing else in the project constructs these objects. What
only some processes are made of is imported where it is made: cold starts of the query API, which
needs no runner and no driver, last as long as its imports.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError

from pipeline.aws import clients as aws
from pipeline.aws.artifacts import Artifacts
from pipeline.aws.catalog import Catalog
from pipeline.aws.catalog.table import Table
from pipeline.aws.cloudfront import Cdn
from pipeline.aws.uploads import Uploads
from pipeline.core import upload_options as options
from pipeline.core.errors import InvalidArgument, InvalidSettings, VideodropError
from pipeline.core.settings import Settings
from pipeline.core.stage import StageModule, load
from pipeline.replays.store import Replays
from pipeline.results.versions import Versions
from pipeline.stages.models import device, host
from pipeline.telemetry import function as telemetry
from pipeline.telemetry.tracing import Handler

if TYPE_CHECKING:
    from pipeline.costs.estimator import Estimator
    from pipeline.replays.driver import Driver
    from pipeline.results.retention import Retention
    from pipeline.runs.janitor import Janitor
    from pipeline.runs.redrive import Redrive
    from pipeline.runs.runner import Runner


@cache
def settings() -> Settings:
    """This process's settings.

    Raises:
        InvalidSettings: ``bad_settings``, when a variable or the topology is wrong.
    """
    try:
        found = Settings()
        _ = found.topology
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidSettings("bad_settings", f"{error.title} are wrong. {wrong}.") from error
    except (OSError, SettingsError) as error:
        raise InvalidSettings("bad_settings", f"Settings are wrong: {error}.") from error
    if unknown := found.large.difference(found.topology.stages):
        raise InvalidSettings(
            "bad_settings",
            f"VIDEODROP_LARGE is wrong: there is no stage {', '.join(sorted(unknown))}.",
        )
    return found


def set_up_telemetry(service: str) -> None:
    """Have this process log and count as its host wants it.

    Args:
        service: what it is.

    Raises:
        InvalidSettings: see ``settings``.
    """
    telemetry.set_up(service, settings())


def observed(function: str) -> Callable[[Handler], Handler]:
    """What makes a handler log, count and be traced as its host wants it.

    Raises:
        InvalidSettings: see ``settings``.
    """
    return telemetry.observed(function, settings())


def catalog(config: Settings) -> Catalog:
    """The catalog of this installation."""
    return Catalog(Table(aws.table(config.names.table)), config.topology.stages)


def artifacts(config: Settings) -> Artifacts:
    """The buckets of this installation."""
    cdn = Cdn(aws.client("ssm"), config.cdn, lasts_s=config.presign_s) if config.cdn else None
    return Artifacts(
        aws.client("s3"), config.names.artifacts_bucket, presign_s=config.presign_s, cdn=cdn
    )


def uploads(config: Settings) -> Uploads:
    """The uploads bucket of this installation, for those who drop videos."""
    return Uploads(aws.client("s3"), config.names.uploads_bucket, config.topology.uploads.prefix)


def versions(config: Settings) -> Versions:
    """The versions of this installation's results."""
    return Versions(catalog(config), artifacts(config))


def janitor(config: Settings) -> "Janitor":
    """The housekeeper of this installation."""
    from pipeline.aws.dead_letters import DeadLetterQueues
    from pipeline.runs.janitor import Janitor

    dead_letters = DeadLetterQueues(aws.client("sqs"), config.names, list(config.topology.stages))
    return Janitor(
        catalog(config),
        replays(config).wake_overdue,
        dead_letters.bodies,
        grace_s=config.redelivery_s,
    )


def replays(config: Settings) -> Replays:
    """All replays of this installation."""
    table = Table(aws.table(config.names.table))
    spec = config.topology.replays
    return Replays(table, aws.client("events"), bus=config.names.bus, spec=spec)


def driver(config: Settings) -> "Driver":
    """What plans and runs replays."""
    from pipeline.replays.driver import Driver, Pace
    from pipeline.replays.examiner import Examiner
    from pipeline.replays.lanes import Lanes
    from pipeline.replays.settlement import Settlement

    known, files = catalog(config), artifacts(config)
    modules = {stage: module(stage, config) for stage in config.topology.stages}
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


def estimator(config: Settings, *, large: bool | None = None) -> "Estimator":
    """What runs are expected to take, by what has been recorded until now.

    Args:
        config: whose.
        large: see ``Estimator``. With it a single run is judged, which is not worth reading what is
            older than the latest months.

    Raises:
        InvalidSettings: ``bad_prices``.
    """
    from pipeline.costs.estimator import Estimator
    from pipeline.costs.run_price import Prices

    prices = Prices.read(config.prices_path)
    timings = catalog(config).timings
    recorded = timings.all() if large is None else timings.latest()
    return Estimator(recorded, prices, config.topology, large=large)


def retention(config: Settings) -> "Retention":
    """Removes old results of this installation."""
    from pipeline.aws.artifact_inventory import Attempts
    from pipeline.results.retention import Retention

    return Retention(catalog(config), Attempts(aws.client("s3"), config.names.artifacts_bucket))


def redrive(config: Settings) -> "Redrive":
    """Sends this installation's dead letters on again."""
    from pipeline.aws.dead_letters import DeadLetterQueues
    from pipeline.core.topology import JANITOR, REPLAYS
    from pipeline.runs.redrive import Redrive

    functions = [*config.topology.stages, JANITOR, REPLAYS]
    return Redrive(DeadLetterQueues(aws.client("sqs"), config.names, functions), catalog(config))


def check_device(config: Settings) -> None:
    """See to it that this process's stage, if it wants a GPU, can use the one it was promised.

    Raises:
        MissingDependency: ``no_device``.
    """
    spec = config.topology.stages.get(config.stage or "")
    if spec and spec.gpu:
        device.check(config.device)


def use_model_host(config: Settings) -> None:
    """Have this process's models run as its settings say."""
    host.use(
        host.ModelHost(
            threads=config.threads,
            device=config.device,
            model_dir=config.model_dir,
            engines=config.engines,
        )
    )


def module(stage: str, config: Settings) -> StageModule:
    """The code of ``stage``, which from now on runs as the settings say.

    Raises:
        InvalidArgument: ``unknown_stage``.
        InvalidSettings: ``bad_settings``: the operator's parameters for it are wrong.
    """
    spec = config.topology.stages.get(stage)
    if spec is None:
        raise InvalidArgument(
            "unknown_stage",
            f"There is no stage {stage!r}; {config.topology_path} has "
            f"{', '.join(config.topology.stages)}.",
        )
    use_model_host(config)
    found = load(spec.module)
    try:
        options.validate(found.Params, stage, config.params.get(stage, {}))
    except VideodropError as error:
        raise InvalidSettings(
            "bad_settings", f"VIDEODROP_PARAMS is wrong: {error.message}"
        ) from error
    return found


def runner(stage: str, config: Settings) -> "Runner":
    """The runner of ``stage``.

    Raises:
        InvalidSettings: ``bad_settings``: the topology has no such stage; see also ``module``.
    """
    from pipeline.runs.admission import Admission
    from pipeline.runs.runner import Runner

    try:
        loaded = module(stage, config)
    except InvalidArgument as error:
        # A host gets the stage from its settings.
        raise InvalidSettings("bad_settings", f"VIDEODROP_STAGE: {error.message}") from error
    return Runner(
        stage,
        loaded,
        catalog=catalog(config),
        artifacts=artifacts(config),
        settings=config,
        admission=Admission(stage, config, partial(estimator, config, large=False)),
        cancelled=replays(config).cancelled,
    )
