"""Fixtures for bills: the project's stages, and prices that are easy to compute with."""

from collections.abc import Sequence

from pipeline.aws.catalog.timings import Timing, Totals
from pipeline.core.records import StageResult
from pipeline.core.topology import Topology
from pipeline.costs import Workload
from pipeline.costs.pace import Pace
from pipeline.costs.run_price import Prices

PRICES = Prices.read()
TOPOLOGY = Topology.read()

# An hour of video a day, in one video, at 1 GiB an hour.
WORK = Workload(videos_per_day=1, minutes=60, mbps=2**30 * 8 / 3600 / 1e6, queries_per_day=0)


def timings(*results: StageResult) -> list[Timing]:
    """Return run times in the catalog's order: the latest month first."""
    ordered = sorted(results, key=lambda one: one.finished_at, reverse=True)
    return [
        Timing(
            month=f"{one.finished_at:%Y-%m}",
            stage=one.stage,
            version=one.version,
            identity=one.identity,
            totals=Totals(runs=1, **one.cost.model_dump()),
        )
        for one in ordered
    ]


def pace(stage: str = "transcode", *, cpu: float = 1, gpu: float = 0.1, **more: float) -> Pace:
    """Make a pace of round numbers: a file a second, a GiB an hour."""
    written = {"files": 1.0, "bytes_out": 2**30 / 3600, **more}
    return Pace(stage=stage, cpu=cpu, gpu=gpu, cpu_runs=0, gpu_runs=0, **written)


def usd(lines: Sequence[object], what: str) -> float:
    """Return the amount of one line of a bill."""
    (found,) = [line for line in lines if line.what == what]
    return found.usd
