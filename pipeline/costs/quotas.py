"""Limits that a workload would exceed: AWS's quotas, and the installation's own settings.

The quotas are AWS's defaults as of ``AS_OF``, written down from memory, not read from the pages.
A new account has far lower Lambda quotas, until AWS raises them with use or on request: those are
checked as well. Service Quotas, in the console, shows yours.
"""

import math
from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict, computed_field

from pipeline.core.stage import StageModule, divisible, load
from pipeline.core.topology import Topology
from pipeline.costs import installation, queries
from pipeline.costs.concurrency import Load, most
from pipeline.costs.run_price import Prices, writes
from pipeline.costs.workload import Workload

AS_OF = "2025-01"
SOURCES = (
    "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    "https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html",
    "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html",
    "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html",
    "https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html",
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
    "https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html",
)

_LAMBDA_TIMEOUT_S = 900
_LAMBDA_CONCURRENCY = 1000
_LAMBDA_CONCURRENCY_NEW = 10
_LAMBDA_MEMORY_MB = 10_240
_LAMBDA_MEMORY_MB_NEW = 3008
_LAMBDA_NEW_IN_10_S = 1000
_MAPPING_CONCURRENCY = 1000
_MAPPING_NEW_IN_A_MINUTE = 300
_SQS_IN_FLIGHT = 120_000
_API_REQUESTS_A_SECOND = 10_000
_PUT_EVENTS_A_SECOND = 10_000
_RULE_TARGETS_A_SECOND = 18_750
_TABLE_WRITES_A_SECOND = 40_000
_GPU_VCPUS = 0  # until a raise is requested

_LONGEST = 1.5  # ranges, at the end of a film, which is not divided further
_RESERVE = 1.25  # of the value to request, by the value needed


class Check(BaseModel):
    """A limit, and the workload's need of it.

    Attributes:
        limit: its name.
        allowed: its value.
        needed: the workload's need at the peak.
        advice: the setting to change, or the value to request, if it is exceeded.
        stage: the stage; None for a limit of the installation.
    """

    model_config = ConfigDict(frozen=True)

    limit: str
    allowed: int
    needed: float
    advice: str
    stage: str | None = None

    @computed_field  # type: ignore[prop-decorator] # mypy does not support computed fields
    @property
    def hit(self) -> bool:
        """Return True if more is needed than allowed."""
        return self.needed > self.allowed


def checks(
    loads: Sequence[Load], work: Workload, prices: Prices, topology: Topology
) -> Iterator[Check]:
    """Yield every limit that matters, those of single stages first."""
    for one in loads:
        if one.host == "lambda":
            yield from _on_lambda(one, work, topology)
    yield from _of_all(loads, work)
    yield from _of_hosts(loads, prices)


def _on_lambda(one: Load, work: Workload, topology: Topology) -> Iterator[Check]:
    spec = topology.stages[one.stage]
    seconds = one.seconds * _share(load(spec.module), work.media_seconds)
    yield Check(
        limit="an execution, s",
        stage=one.stage,
        allowed=spec.timeout_s,
        needed=seconds,
        advice=f"timeout_s = {ask(seconds)} in pipeline/core/topology.json"
        if ask(seconds) <= _LAMBDA_TIMEOUT_S
        else "Lambda ends after 15 minutes: shorten range_s of the stage, or run it on GPU hosts "
        "(compute.host)",
    )
    yield Check(
        limit="memory, new account, MB",
        stage=one.stage,
        allowed=_LAMBDA_MEMORY_MB_NEW,
        needed=spec.memory_mb,
        advice=f"ask for {_LAMBDA_MEMORY_MB:,}, or compute.memory_mb = {_LAMBDA_MEMORY_MB_NEW}",
    )
    yield Check(
        limit="maximum concurrency",
        stage=one.stage,
        allowed=installation.LIVE_CONCURRENCY,
        needed=one.most,
        advice=f"compute.live_concurrency = {ask(one.most)}"
        if ask(one.most) <= _MAPPING_CONCURRENCY
        else f"a mapping takes {_MAPPING_CONCURRENCY} at most: run it on GPU hosts (compute.host)",
    )
    yield Check(
        limit="new executions in 10 s",
        stage=one.stage,
        allowed=_LAMBDA_NEW_IN_10_S,
        needed=min(one.most, one.arrivals * 10),
        advice="cannot be raised: uploads wait while it grows",
    )
    yield Check(
        limit="new executions in a minute",
        stage=one.stage,
        allowed=_MAPPING_NEW_IN_A_MINUTE,
        needed=min(one.most, one.arrivals * 60),
        advice=f"cannot be raised: a burst waits {one.most / _MAPPING_NEW_IN_A_MINUTE:.0f} minutes",
    )


def _share(module: StageModule, media_seconds: float) -> float:
    """Return the largest share of a run that one execution does, with default parameters."""
    range_s = getattr(module.Params(), "range_s", None) if divisible(module) else None
    return min(1.0, _LONGEST * range_s / media_seconds) if range_s else 1.0


def _of_all(loads: Sequence[Load], work: Workload) -> Iterator[Check]:
    asked = work.queries * work.peak
    executions = sum(one.mean for one in loads if one.host == "lambda") + asked * queries.SECONDS
    uploads = work.arrivals * work.peak
    runs = sum(one.arrivals * writes(one.seconds) for one in loads)
    for limit, allowed, needed, advice in (
        ("Lambda concurrency", _LAMBDA_CONCURRENCY, most(executions), "ask for {}"),
        (
            "Lambda concurrency, new account",
            _LAMBDA_CONCURRENCY_NEW,
            most(executions),
            f"the plan is rejected: ask for the default, {_LAMBDA_CONCURRENCY:,}",
        ),
        (
            "SQS messages in flight",
            _SQS_IN_FLIGHT,
            max(one.most for one in loads),
            "cannot be raised: a queue more",
        ),
        ("API requests a second", installation.THROTTLE_RATE, asked, "throttle.rate = {}"),
        ("API Gateway requests a second", _API_REQUESTS_A_SECOND, asked, "ask for {}"),
        (
            "EventBridge invocations a second",
            _RULE_TARGETS_A_SECOND,
            uploads * len(loads),
            "ask for {}",
        ),
        (
            "PutEvents a second, to replay a day's uploads in an hour",
            _PUT_EVENTS_A_SECOND,
            work.videos_per_day * len(loads) / 3600,
            "ask for {}",
        ),
        ("DynamoDB units written a second", _TABLE_WRITES_A_SECOND, runs, "ask for {}"),
    ):
        yield Check(
            limit=limit, allowed=allowed, needed=needed, advice=advice.format(f"{ask(needed):,}")
        )


def _of_hosts(loads: Sequence[Load], prices: Prices) -> Iterator[Check]:
    if hosts := most(sum(one.mean for one in loads if one.host == "gpu")):
        yield Check(
            limit="GPU hosts",
            allowed=installation.MAX_HOSTS,
            needed=hosts,
            advice=f"gpu.max_hosts = {hosts}",
        )
        vcpus = hosts * prices.gpu_instances.vcpus[prices.assumed.gpu_instance]
        yield Check(
            limit="vCPUs of G instances",
            allowed=_GPU_VCPUS,
            needed=vcpus,
            advice=f"ask for {vcpus}, On-Demand and Spot each",
        )


def ask(needed: float) -> int:
    """Add a quarter to what is needed, rounded up to two digits."""
    wanted = math.ceil(needed * _RESERVE)
    step: int = 10 ** max(0, len(str(wanted)) - 2)
    return math.ceil(wanted / step) * step
