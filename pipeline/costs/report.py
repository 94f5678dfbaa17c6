"""The full report on costs and quotas that ``videodrop cost`` shows."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from pipeline.core.errors import InvalidArgument
from pipeline.core.topology import Topology
from pipeline.costs import break_even, concurrency, hour, idle, month, queries, quotas, search
from pipeline.costs.break_even import BreakEven
from pipeline.costs.concurrency import Load
from pipeline.costs.hour import StageHour
from pipeline.costs.lines import Line, total
from pipeline.costs.pace import Pace
from pipeline.costs.price_table import PriceLine
from pipeline.costs.quotas import Check
from pipeline.costs.run_price import Prices
from pipeline.costs.workload import Workload

NOT_PRICED = (
    "Not in it: NAT gateways and endpoints of a VPC, and what passes them or between zones and "
    "regions; replays and runs that are tried again; events out, some 3 cents a thousand videos; "
    "Lambda's /tmp beyond 512 MB; "
    "logs but for those of queries and of the janitor; what the table, its backups and "
    "EventBridge's archive keep; older versions of uploads and of results; keys of KMS, and mail."
)


class Report(BaseModel):
    """A report on an installation's costs and limits.

    Attributes:
        prices: region, currency and date of the prices, for a person.
        price_lines: every price, with what it rests on.
        note: caveats of the prices.
        not_priced: costs that are not included.
        workload: the workload.
        paces: the pace of stages, and what it rests on.
        idle: a month without work.
        warm: the monthly cost of each option: measures against cold starts, the dashboard.
        hours: an hour of video, by stage.
        kept_and_watched: an hour of video stored, and sent to a viewer.
        queries: a million requests.
        search: the search index, and searches.
        loads: concurrent runs by stage.
        checks: the limits.
        month: a month of the workload.
        break_even: alternatives.
    """

    model_config = ConfigDict(frozen=True)

    prices: str
    price_lines: list[PriceLine]
    note: str
    not_priced: str = NOT_PRICED
    workload: Workload
    paces: list[Pace]
    idle: list[Line]
    warm: list[Line]
    hours: list[StageHour]
    kept_and_watched: list[Line]
    queries: list[Line]
    search: list[Line]
    loads: list[Load]
    checks: list[Check]
    month: list[Line]
    break_even: list[BreakEven]


def report(paces: Sequence[Pace], work: Workload, prices: Prices, topology: Topology) -> Report:
    """Compute the report.

    Raises:
        InvalidArgument: ``unknown_stage``.
    """
    if unknown := work.gpu_stages - topology.stages.keys():
        raise InvalidArgument(
            "unknown_stage",
            f"There is no stage {', '.join(sorted(unknown))}, but {', '.join(topology.stages)}.",
        )
    hours = {
        pace.stage: hour.stage_hour(prices, topology.stages[pace.stage], pace, work)
        for pace in paces
    }
    loads = concurrency.loads(paces, work)
    without_work = idle.idle(prices, topology, work)
    million = queries.million(prices)
    idle_usd = total(without_work)
    by_stage = {pace.stage: pace for pace in paces}
    return Report(
        prices=prices.title,
        price_lines=prices.lines(),
        note=prices.note,
        workload=work,
        paces=list(paces),
        idle=without_work,
        warm=list(idle.warm(prices, topology)),
        hours=list(hours.values()),
        kept_and_watched=hour.kept_and_watched(prices, list(hours.values()), work),
        queries=million,
        search=search.lines(prices),
        loads=loads,
        checks=list(quotas.checks(loads, work, prices, topology)),
        month=list(
            month.month(prices, work, loads, hours, idle_usd=idle_usd, million_queries=million)
        ),
        break_even=[
            *break_even.always_on(prices, topology, by_stage, hours, work),
            *break_even.managed(prices, by_stage, hours, work, idle_usd),
        ],
    )
