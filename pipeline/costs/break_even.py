"""From how much video on another way to the same costs less, or more.

What Lambda and others take is so much for an hour of video. GPU hosts stand idle for much of a
month in which there is little to do, so that whole months are compared.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.core.topology import Topology
from pipeline.costs import installation
from pipeline.costs.concurrency import load
from pipeline.costs.hour import StageHour, watched
from pipeline.costs.idle import host_hour
from pipeline.costs.pace import Pace
from pipeline.costs.price_table import Managed
from pipeline.costs.run_price import Prices
from pipeline.costs.workload import MONTH_HOURS, Workload

# How many amounts of video are tried to find where GPU hosts cost as much as another way.
_POINTS = 32
_FEWEST_A_DAY = 0.5  # videos: each has hosts of its own


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
        ours: what this project takes for them; an hour on GPU hosts as the workload has it, idle
            time included.
        theirs: what the other way takes.
        hours: hours of video a month at which both cost the same, for the last time if hosts come
            one by one; None if one is always cheaper.
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


class Hosts:
    """The GPU hosts of some stages, by how much video there is a month.

    Args:
        prices: by which.
        paces: of the stages.
        work: which of them are on GPU hosts, and how long videos are.
    """

    def __init__(self, prices: Prices, paces: Collection[Pace], work: Workload) -> None:
        self._usd = host_hour(prices)[prices.assumed.market]
        self._paces = [pace for pace in paces if pace.stage in work.gpu_stages]
        self._work = work

    def month(self, hours: float) -> float:
        """USD that so many hours of video cost."""
        work = self._work.with_hours(hours)
        return self._usd * sum(load(pace, work).host_hours for pace in self._paces)

    def an_hour(self) -> float:
        """USD for an hour of video, as many as the workload has."""
        hours = self._work.video_hours_a_month
        return self.month(hours) / hours

    def points(self) -> list[float]:
        """Hours of video between which, and beyond the last of which, a month is a straight line.

        The first is 0. The last but one keeps all hosts of the fastest stage busy.
        """
        if not self._paces:
            return [0.0, 1.0]
        fewest = _FEWEST_A_DAY * MONTH_HOURS / 24 * self._work.minutes / 60
        most = installation.MAX_HOSTS * MONTH_HOURS / min(pace.gpu for pace in self._paces)
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
    """Where two ways cost the same, and which is cheaper beyond.

    Args:
        name: of the other way.
        instead_of: the stages.
        ours: but for GPU hosts.
        theirs: of the other way.
        hosts: ours.
        limit: hours of video a month that the other way can do.
    """

    def more(hours: float) -> float:
        """USD that ours costs more in a month with so much video."""
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
    """Where a function last changes its sign, and whether it is positive beyond.

    Args:
        function: straight between two points, and beyond the last one.
        points: two or more, ascending.
    """
    values = [function(point) for point in points]
    end = values[-1] - values[-2]
    positive = end > 0 or (end == 0 and values[-1] > 0)
    segments = [*pairwise(zip(points, values, strict=True))]
    # Beyond the last point there is always more.
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
    """A GPU host, On-Demand, that never ends, instead of where the workload has the stages.

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
    """Managed services: each, and together those that only process.

    Args:
        prices: with theirs.
        paces: of the stages.
        hours: what an hour of video costs here, by stage.
        work: its views, for services that keep and send videos too.
        idle_usd: what a month without work costs here.
    """

    def against(name: str, stages: list[str], ours: float, theirs: float) -> BreakEven:
        """What an hour of video costs, beside where ours is computed."""
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
    together = [one for one in services if not _keeps(one)]
    if len(together) > 1:
        stages = [stage for one in together for stage in one.stages]
        yield against("these together", stages, 0, sum(60 * one.minute for one in together))


def _keeps(service: Managed) -> bool:
    return not (service.minute_stored_month is None and service.minute_watched is None)


def _on_lambda(hours: Mapping[str, StageHour], stages: Collection[str], work: Workload) -> float:
    """USD for an hour of video in those of the stages that the workload has on Lambda."""
    return sum(hours[stage].on_lambda for stage in stages if stage not in work.gpu_stages)
