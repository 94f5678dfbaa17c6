"""Command: cost."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from pipeline import bootstrap, costs
from pipeline.aws import clients as aws
from pipeline.aws.catalog.timings import Timing
from pipeline.cli import bills
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import err, out, plain, print_json
from pipeline.cli.lookup import connect
from pipeline.core.errors import InvalidArgument
from pipeline.costs.run_price import Prices
from pipeline.hosts.stack_file import NotRunning

_DEFAULT = costs.Workload()


def cost(
    *,
    videos_per_day: Annotated[
        float, typer.Option(help="Uploads a day, on average")
    ] = _DEFAULT.videos_per_day,
    minutes: Annotated[float, typer.Option(help="Length of each")] = _DEFAULT.minutes,
    peak: Annotated[
        float, typer.Option(help="Load of the busiest hour, as a multiple of the average")
    ] = _DEFAULT.peak,
    mbps: Annotated[float, typer.Option(help="Bit rate of the uploads, Mbit/s")] = _DEFAULT.mbps,
    views: Annotated[float, typer.Option(help="How often each video is watched")] = _DEFAULT.views,
    queries_per_day: Annotated[
        float, typer.Option(help="Requests to the API a day, on average")
    ] = _DEFAULT.queries_per_day,
    gpu_stage: Annotated[
        list[str] | None,
        typer.Option(help="A stage on GPU hosts; may be repeated; others run on Lambda"),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(help="A price table, in the format of pipeline/costs/prices.json")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Estimate the cost on AWS: idle, an hour of video, queries; quotas; and alternatives.

    Uses recorded run times if a pipeline can be reached, else guesses.
    """
    work = _workload(
        videos_per_day=videos_per_day,
        minutes=minutes,
        peak=peak,
        mbps=mbps,
        views=views,
        queries_per_day=queries_per_day,
        gpu_stages=frozenset(gpu_stage or ()),
    )
    timings = _recorded()
    settings = bootstrap.settings()
    found = costs.report(
        costs.paces(timings, settings.topology, mbps=mbps),
        work,
        Prices.read(prices or settings.prices_path),
        settings.topology,
    )
    if as_json:
        print_json(found)
    else:
        bills.report(out, found)


def _workload(**given: Any) -> costs.Workload:
    try:
        return costs.Workload(**given)
    except ValidationError as error:
        told = (f"--{e['loc'][0]}: {e['msg']}".replace("_", "-") for e in error.errors())
        raise InvalidArgument("bad_option", "; ".join(told)) from error


def _recorded() -> Iterable[Timing]:
    """Return recorded run times if a pipeline can be reached, else none."""
    try:
        _, catalog = connect()
        return list(catalog.timings.all())
    except NotRunning:
        return []
    except aws.ERRORS as error:
        err.print(f"[yellow]No recorded run times: {plain(aws.as_failure(error).message)}[/yellow]")
        return []
