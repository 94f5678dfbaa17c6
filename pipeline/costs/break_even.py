"""Break-even points: the amount of video beyond which an alternative is cheaper, or dearer.

Lambda and managed services are billed by the hour of video. GPU hosts are idle for much of a month
with few videos, so whole months are compared.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.core.topology import Topology
from pipeline.costs import installation
from pipeline.costs.concurrency import loads
from pipeline.costs.hour import StageHour, watched
from pipeline.costs.idle import host_hour
from pipeline.costs.pace import Pace
from pipeline.costs.price_table import Managed
from pipeline.costs.run_price import Prices
from pipeline.costs.workload import MONTH_HOURS, Workload

# Amounts of video tried in the search for the break-even point of GPU hosts.
_POINTS = 32
_FEWEST_A_DAY = 0.5  # videos: each has its own hosts


class Way(BaseModel):
    """A cost in USD: a fixed amount a month, and an amount for each hour of video."""

    model_config = ConfigDict(frozen=True)

    month: float
    hour: float


class BreakEven(BaseModel):
    """An alternative to this project's own way.

    Attributes:
        name: the alternative's name.
        instead_of: the stages that it replaces.
        ours: this project's cost of them; on GPU hosts an hour under the workload, idle time
            included.
        theirs: the alternative's cost.
        hours: hours of video a month at which both cost the same; the last such point if hosts
            start one by one; None if one is always cheaper.
        cheaper: the cheaper one above that.
        limit: hours of video a month that the alternative can process; None without a limit.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    instead_of: list[str]
    ours: Way
    theirs: Way
    hours: float | None
    cheaper: Literal["ours", "theirs"]
    limit: float | None = None


class Hosts:
    """The cost of some stages' GPU hosts as a function of the hours of video a month.

    Args:
        prices: the price table.
        paces: of the stages.
        work: the stages on GPU hosts, and the length of videos.
    """

    def __init__(self, prices: Prices, paces: Collection[Pace], work: Workload) -> None:
        self._usd = host_hour(prices)[prices.assumed.market]
        self._paces = [pace for pace in paces if pace.stage in work.gpu_stages]
        self._work = work

    def month(self, hours: float) -> float:
        """Return the USD a month for so many hours of video."""
        work = self._work.with_hours(hours)
        return self._usd * sum(one.host_hours for one in loads(self._paces, work))

    def an_hour(self) -> float:
        """Return the USD for an hour of video under the workload."""
        hours = self._work.video_hours_a_month
        return self.month(hours) / hours

    def points(self) -> list[float]:
        """Return hours of video between which the cost of a month is taken as linear.

        It is linear beyond the last, too. The first is 0. The last but one keeps all hosts busy.
        """
        if not self._paces:
            return [0.0, 1.0]
        fewest = _FEWEST_A_DAY * MONTH_HOURS / 24 * self._work.minutes / 60
        most = installation.MAX_HOSTS * MONTH_HOURS / sum(pace.gpu for pace in self._paces)
        step = (max(most / fewest, 2.0)) ** (1 / _POINTS)
        return [0.0, *(fewest * step**number for number in range(_POINTS + 2))]


def compare(
    name: str,
    instead_of: list[str],
    ours: Way,
    theirs: Way,
    *,
    hosts: Hosts | None = None,
    limit: float | None = None,
) -> BreakEven:
    """Find where two ways cost the same, and which is cheaper beyond.

    Args:
        name: the alternative's name.
        instead_of: the stages.
        ours: our cost without GPU hosts.
        theirs: the alternative's cost.
        hosts: our GPU hosts.
        limit: hours of video a month that the alternative can process.
    """

    def more(hours: float) -> float:
        """Return the USD a month by which ours is dearer for so many hours of video."""
        line = ours.month - theirs.month + (ours.hour - theirs.hour) * hours
        return line + (hosts.month(hours) if hosts else 0)

    hours, theirs_is_cheaper = _last_root(more, hosts.points() if hosts else [0.0, 1.0])
    an_hour = ours.hour + (hosts.an_hour() if hosts else 0)
    return BreakEven(
        name=name,
        instead_of=instead_of,
        ours=Way(month=ours.month, hour=an_hour),
        theirs=theirs,
        hours=hours,
        cheaper="theirs" if theirs_is_cheaper else "ours",
        limit=limit,
    )


def _last_root(
    function: Callable[[float], float], points: Sequence[float]
) -> tuple[float | None, bool]:
    """Return where a function last changes its sign, and True if it is positive beyond.

    Args:
        function: linear between two points, and beyond the last one.
        points: two or more, ascending.
    """
    values = [function(point) for point in points]
    end = values[-1] - values[-2]
    positive = end > 0 or (end == 0 and values[-1] > 0)
    segments = [*pairwise(zip(points, values, strict=True))]
    # The last segment extends beyond the last point.
    for number, ((low, at_low), (high, at_high)) in enumerate(reversed(segments)):
        if at_high != at_low:
            root = low - at_low * (high - low) / (at_high - at_low)
            if low < root and (root <= high or number == 0):
                return root, positive
    return None, positive


def always_on(
    prices: Prices,
    topology: Topology,
    paces: Mapping[str, Pace],
    hours: Mapping[str, StageHour],
    work: Workload,
) -> Iterator[BreakEven]:
    """Compare an On-Demand GPU host that always runs with the workload's choice.

    Once for the stages that use a GPU, once for all. Storage and requests cost the same on both.
    """
    hour = host_hour(prices).get("on_demand")
    if hour is None:
        return
    helped = tuple(stage for stage, spec in topology.stages.items() if spec.gpu)
    # Once if both are the same.
    for stages in filter(None, dict.fromkeys((helped, tuple(topology.stages)))):
        yield compare(
            f"{prices.assumed.gpu_instance}, always on",
            list(stages),
            Way(month=0, hour=_on_lambda(hours, stages, work)),
            Way(month=hour * MONTH_HOURS, hour=0),
            hosts=Hosts(prices, [paces[stage] for stage in stages], work),
            limit=MONTH_HOURS / sum(paces[stage].gpu for stage in stages),
        )


def managed(
    prices: Prices,
    paces: Mapping[str, Pace],
    hours: Mapping[str, StageHour],
    work: Workload,
    idle_usd: float,
) -> Iterator[BreakEven]:
    """Compare managed services with our stages: each, and together those that only process.

    Args:
        prices: the price table, with theirs.
        paces: of the stages.
        hours: our cost of an hour of video, by stage.
        work: its views count for services that store and deliver videos, too.
        idle_usd: our cost of a month without work.
    """

    def against(name: str, stages: list[str], ours: float, theirs: float) -> BreakEven:
        """Compare the costs of an hour of video; ``ours`` is without compute and requests."""
        ours += sum(hours[stage].requests for stage in stages) + _on_lambda(hours, stages, work)
        return compare(
            name,
            stages,
            Way(month=idle_usd, hour=ours),
            Way(month=0, hour=theirs),
            hosts=Hosts(prices, [paces[stage] for stage in stages], work),
        )

    services = [one for one in prices.managed if hours.keys() >= set(one.stages)]
    for one in services:
        ours, theirs = 0.0, 60 * one.minute
        if _keeps(one):
            ours += sum(hours[stage].stored_month for stage in one.stages)
            ours += work.views * watched(prices, work)
            theirs += 60 * ((one.minute_stored_month or 0) + work.views * (one.minute_watched or 0))
        yield against(one.name, one.stages, ours, theirs)
    # Of those for the same stages, the cheapest.
    dearest_first = sorted(services, key=lambda one: one.minute, reverse=True)
    best = {tuple(one.stages): one for one in dearest_first if not _keeps(one)}
    together = [one for one in services if one in best.values()]
    if len(together) > 1:
        stages = [stage for one in together for stage in one.stages]
        yield against("these together", stages, 0, sum(60 * one.minute for one in together))


def _keeps(service: Managed) -> bool:
    return not (service.minute_stored_month is None and service.minute_watched is None)


def _on_lambda(hours: Mapping[str, StageHour], stages: Collection[str], work: Workload) -> float:
    """Return the USD for an hour of video in those of the stages that run on Lambda."""
    return sum(hours[stage].on_lambda for stage in stages if stage not in work.gpu_stages)
