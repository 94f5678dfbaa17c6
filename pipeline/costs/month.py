"""The cost of a month of the workload."""

import math
from collections.abc import Iterator, Mapping, Sequence

from pipeline.costs.concurrency import Load
from pipeline.costs.hour import StageHour, watched
from pipeline.costs.idle import host_hour
from pipeline.costs.lines import Line, total
from pipeline.costs.price_table import MARKETS
from pipeline.costs.run_price import Prices
from pipeline.costs.search import indexed_hour
from pipeline.costs.workload import MONTH_HOURS, Workload
from pipeline.telemetry import names


def month(
    prices: Prices,
    work: Workload,
    loads: Sequence[Load],
    hours: Mapping[str, StageHour],
    *,
    idle_usd: float,
    million_queries: Sequence[Line],
) -> Iterator[Line]:
    """List the items of the bill; storage is that of the month's own videos for a month."""
    market = prices.assumed.market
    yield Line(what="idle", usd=idle_usd)
    for one in loads:
        yield Line(
            what=one.stage,
            usd=one.host_hours * host_hour(prices)[market]
            if one.host == "gpu"
            else work.video_hours_a_month * hours[one.stage].on_lambda,
            note=f"{one.host_hours:,.0f} hours of {prices.assumed.gpu_instance}, {MARKETS[market]}"
            if one.host == "gpu"
            else "on Lambda",
        )
    yield Line(
        what="requests",
        usd=work.video_hours_a_month * sum(one.requests for one in hours.values()),
        note="S3, SQS, EventBridge, DynamoDB",
    )
    yield Line(
        what="search index",
        usd=work.video_hours_a_month * indexed_hour(prices),
        note="if someone speaks all the time",
    )
    own = _metrics(len(loads))
    yield Line(
        what="metrics",
        usd=own * prices.cloudwatch.metric_month,
        note=f"{own} of our own, if each is written every hour",
    )
    stored = work.gib_an_hour * prices.s3.gb_month + sum(one.stored_month for one in hours.values())
    yield Line(
        what="storage",
        usd=work.video_hours_a_month * stored,
        note="as much again each month, until something is deleted",
    )
    yield Line(
        what="delivery",
        usd=work.video_hours_a_month * work.views * watched(prices, work),
        note=f"views of each video: {work.views:g}",
    )
    asked = work.queries_per_day * MONTH_HOURS / 24
    yield Line(
        what="queries",
        usd=asked / 1e6 * total(million_queries),
        note=f"{asked:,.0f} of them",
    )


def _metrics(stages: int) -> int:
    """Count our metrics in CloudWatch, which bills each combination of dimensions.

    For fresh uploads only, most of which succeed, and a page that requests ten routes.
    """
    values = {"stage": stages, "function": stages + 3, "outcome": 2, "route": 10, "status": 2}
    return sum(
        math.prod(values.get(label, 1) for label in labels)
        for metric in names.ALL
        for labels in metric.sums
    )
