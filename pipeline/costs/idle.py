"""The cost of a month without uploads, and what keeping hosts warm adds to it."""

from collections.abc import Iterator

from pipeline.core.topology import Topology
from pipeline.costs import installation
from pipeline.costs.lines import Line
from pipeline.costs.price_table import MARKETS, Market
from pipeline.costs.run_price import Prices
from pipeline.costs.workload import MONTH_HOURS, Workload

_MILLION = 1e6
_MONTH_S = MONTH_HOURS * 3600

# Lambda polls an idle queue with five pollers, each for 20 s.
_POLLS_A_SECOND = 5 / 20

# A janitor tick without work: queries of the index of leases (16 shards for runs and videos, one
# for replays) and of what search has yet to merge, at half a unit a query; SQS requests for each
# stage (to look up its dead-letter queues and to receive from them); and Lambda's logs of an
# execution. It is always traced: X-Ray samples the first request of each second.
TICK_QUERIES = 16 + 1 + 1
TICK_SQS_REQUESTS = 2
_TICK_LANES = 2  # of each stage on GPU hosts, which start while messages wait
_READS_A_QUERY = 0.5
_TICK_S = 0.3
_TICK_LOG_GB = 1e-6

# Compressed sizes of the images for Lambda and, with PyTorch and CUDA, for GPU hosts; an estimate.
_IMAGE_GB = 0.5
_GPU_IMAGE_GB = 4.0

_WARM_UP_MINUTES = 5
_WARM_UP_S = 0.1


def idle(prices: Prices, topology: Topology, work: Workload) -> list[Line]:
    """List what is paid in a month without work, except storage.

    Args:
        prices: the price table.
        topology: the stages.
        work: the stages on GPU hosts; no host runs without work.
    """
    stages, on_gpu = len(topology.stages), len(work.gpu_stages)
    alarms = installation.alarm_metrics(stages, on_gpu)
    queues = installation.mappings(stages, on_gpu)
    images_gb = _IMAGE_GB + (_GPU_IMAGE_GB if on_gpu else 0)
    polling = queues * _POLLS_A_SECOND * _MONTH_S * prices.sqs.million_requests / _MILLION
    return [
        Line(
            what="alarms",
            usd=alarms * prices.cloudwatch.alarm_month,
            note=f"on {alarms} metrics",
        ),
        Line(what="polling", usd=polling, note=f"Lambda looks into {queues} queues"),
        Line(
            what="janitor",
            usd=_janitor(prices, topology, on_gpu),
            note=f"a tick every {topology.janitor.every_s} s, with its trace",
        ),
        Line(
            what="images",
            usd=images_gb * prices.ecr.gb_month,
            note=f"{images_gb:.1f} GB in ECR",
        ),
    ]


def warm(prices: Prices, topology: Topology) -> Iterator[Line]:
    """List the monthly cost of each measure against cold starts, and of the dashboard."""
    gb_second = prices.lambda_.provisioned_gb_second[prices.assumed.architecture]
    for stage, spec in topology.stages.items():
        gb = spec.memory_mb / 1024
        yield Line(
            what=f"{stage}: a provisioned execution",
            usd=gb * _MONTH_S * gb_second,
            note=f"{gb:.0f} GB kept initialised",
        )
    largest = max(spec.memory_mb for spec in topology.stages.values())
    ticks = MONTH_HOURS * 60 / _WARM_UP_MINUTES
    yield Line(
        what=f"a warm-up every {_WARM_UP_MINUTES} minutes",
        usd=ticks * (prices.compute(largest, _WARM_UP_S, 0) + _scheduled(prices)),
        note=f"{largest / 1024:.0f} GB for {_WARM_UP_S:g} s each",
    )
    gb = installation.QUERY_MEMORY_MB / 1024
    yield Line(
        what="SnapStart of the API, for each of its versions",
        usd=gb * _MONTH_S * prices.lambda_.snapstart_gb_second,
        note=f"a snapshot of {gb:.2f} GB",
    )
    yield Line(
        what="the dashboard",
        usd=prices.cloudwatch.dashboard_month,
        note="nothing for the first three of an account",
    )
    for market, hour in host_hour(prices).items():
        yield Line(
            what=f"a GPU host that never ends, {MARKETS[market]}",
            usd=hour * MONTH_HOURS,
            note=prices.assumed.gpu_instance,
        )


def host_hour(prices: Prices) -> dict[Market, float]:
    """Return the USD for an hour of a GPU host and its disk, by market."""
    disk = installation.HOST_DISK_GB * prices.ebs.gb_month / MONTH_HOURS
    markets = prices.gpu_instances.hour[prices.assumed.gpu_instance]
    return {market: instance + disk for market, instance in markets.items()}


def _janitor(prices: Prices, topology: Topology, on_gpu: int) -> float:
    gb_second = prices.lambda_.gb_second[installation.ZIP_ARCHITECTURE]
    requests = TICK_SQS_REQUESTS * len(topology.stages) + _TICK_LANES * on_gpu
    tick = (
        topology.janitor.memory_mb / 1024 * _TICK_S * gb_second
        + prices.lambda_.million_requests / _MILLION
        + TICK_QUERIES * _READS_A_QUERY * prices.dynamodb.million_reads / _MILLION
        + requests * prices.sqs.million_requests / _MILLION
        + _TICK_LOG_GB * prices.cloudwatch.log_gb
        + prices.xray.million_traces / _MILLION
        + _scheduled(prices)
    )
    return tick * _MONTH_S / topology.janitor.every_s


def _scheduled(prices: Prices) -> float:
    return prices.eventbridge.million_scheduled / _MILLION
