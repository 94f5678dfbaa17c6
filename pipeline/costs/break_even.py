"""From how much video on another way to the same costs less, or more."""

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.costs.hour import StageHour, watched
from pipeline.costs.idle import host_hour
from pipeline.costs.pace import Pace
from pipeline.costs.workload import MONTH_HOURS, Workload
from pipeline.price_table import Managed
from pipeline.prices import Prices
from pipeline.topology import Topology


class Way(BaseModel):
    """USD that a way costs: each month whatever is done, and for each hour of video."""

    model_config = ConfigDict(frozen=True)

    month: float
    hour: float


class BreakEven(BaseModel):
    """Another way, against this project's own.

    Attributes:
        name: of the other way.
        instead_of: the stages whose work it does.
        ours: what this project takes for them.
        theirs: what the other way takes.
        hours: hours of video a month at which both cost the same; None if one is always cheaper.
        cheaper: which is, above that.
        limit: hours of video a month that the other way can do at most; None without a limit.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    instead_of: list[str]
    ours: Way
    theirs: Way
    hours: float | None
    cheaper: Literal["ours", "theirs"]
    limit: float | None = None


def compare(
    name: str, instead_of: list[str], ours: Way, theirs: Way, *, limit: float | None = None
) -> BreakEven:
    """Where a + bV and c + dV meet: V = (c - a) / (b - d)."""
    slope, offset = ours.hour - theirs.hour, theirs.month - ours.month
    hours = offset / slope if slope else None
    return BreakEven(
        name=name,
        instead_of=instead_of,
        ours=ours,
        theirs=theirs,
        hours=hours if hours is not None and hours > 0 else None,
        cheaper="theirs" if slope > 0 or (slope == 0 and offset < 0) else "ours",
        limit=limit,
    )


def always_on(
    prices: Prices, topology: Topology, paces: Mapping[str, Pace], hours: Mapping[str, StageHour]
) -> Iterator[BreakEven]:
    """A GPU host, On-Demand, that never ends, instead of Lambda.

    For the stages that a GPU helps, and for all. What is stored and asked for is the same on both.
    """
    hour = host_hour(prices).get("on_demand")
    if hour is None:
        return
    helped = tuple(stage for stage, spec in topology.stages.items() if spec.gpu)
    # Once, where they are the same.
    for stages in filter(None, dict.fromkeys((helped, tuple(topology.stages)))):
        yield compare(
            f"{prices.assumed.gpu_instance}, always on",
            list(stages),
            Way(month=0, hour=sum(hours[stage].on_lambda for stage in stages)),
            Way(month=hour * MONTH_HOURS, hour=0),
            limit=MONTH_HOURS / sum(paces[stage].gpu for stage in stages),
        )


def managed(
    prices: Prices, hours: Mapping[str, StageHour], work: Workload, idle_usd: float
) -> Iterator[BreakEven]:
    """Managed services: each, and together those that only process.

    Args:
        prices: with theirs.
        hours: what an hour of video costs here, by stage.
        work: its views, for services that keep and send videos too.
        idle_usd: what a month without work costs here.
    """
    services = [one for one in prices.managed if hours.keys() >= set(one.stages)]
    for one in services:
        ours = _computed(prices, hours, one.stages, work)
        theirs = 60 * one.minute
        if _keeps(one):
            ours += sum(hours[stage].stored_month for stage in one.stages)
            ours += work.views * watched(prices, work)
            theirs += 60 * ((one.minute_stored_month or 0) + work.views * (one.minute_watched or 0))
        yield compare(
            one.name, one.stages, Way(month=idle_usd, hour=ours), Way(month=0, hour=theirs)
        )
    together = [one for one in services if not _keeps(one)]
    if len(together) > 1:
        stages = [stage for one in together for stage in one.stages]
        yield compare(
            "these together",
            stages,
            Way(month=idle_usd, hour=_computed(prices, hours, stages, work)),
            Way(month=0, hour=sum(60 * one.minute for one in together)),
        )


def _keeps(service: Managed) -> bool:
    return not (service.minute_stored_month is None and service.minute_watched is None)


def _computed(
    prices: Prices, hours: Mapping[str, StageHour], stages: Collection[str], work: Workload
) -> float:
    """USD for an hour of video in these stages, where the workload runs them."""
    return sum(
        hours[stage].requests + hours[stage].computed(work, prices.assumed.market)
        for stage in stages
    )
