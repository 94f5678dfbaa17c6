"""A scenario: an installation, its uploads, and what came of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from benchmarks.simulation.installation import Installation
from benchmarks.simulation.limits import RELAXED, Limits
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.work import SHAPES, Shape, Video
from pipeline.core.topology import Topology
from pipeline.costs.run_price import Prices

SEED: Final = 12
_NEVER: Final = math.inf


@dataclass(frozen=True, slots=True)
class Given:
    """The common base of all scenarios.

    Attributes:
        measured: costs of the work.
        topology: memory and timeouts of the stages.
        prices: of AWS.
        seed: of all random choices.
        shapes: divisions of the stages.
    """

    measured: Measured
    topology: Topology
    prices: Prices
    seed: int = SEED
    shapes: Mapping[str, Shape] = field(default_factory=lambda: SHAPES)

    def simulate(
        self,
        videos: Iterable[Video],
        limits: Limits,
        shapes: Mapping[str, Shape] | None = None,
        seed: int = 0,
    ) -> Installation:
        """Simulate the uploads until all of them have ended."""
        found = Installation(
            self.measured,
            limits,
            self.topology,
            seed=self.seed + seed,
            shapes=shapes or self.shapes,
        )
        found.run(videos)
        return found

    def usd(self, installation: Installation) -> float:
        """Return the USD for all that an installation used."""
        return sum(installation.usage.usd(self.prices).values())

    def serial(self, video: Video) -> tuple[float, float]:
        """Return the seconds and the USD of one warm worker that does everything in one pass."""
        limits = Limits.of_workers(1).ready()
        limits = replace(limits, timeouts=False, fails=0.0, killed=0.0)
        shapes = {name: replace(one, range_s=_NEVER) for name, one in self.shapes.items()}
        found = self.simulate([video], limits, shapes)
        return makespan(found), self.usd(found)


def makespan(installation: Installation) -> float:
    """Return the time from the first upload to the end of the last run."""
    begun = min(run.video.at for run in installation.runs)
    return max(run.finished for run in installation.runs) - begun


def by_stage(installation: Installation) -> dict[str, float]:
    """Return the time at which each stage's last run ended."""
    found: dict[str, float] = {}
    for run in installation.runs:
        found[run.stage] = max(found.get(run.stage, 0.0), run.finished - run.video.at)
    return found


def failed(installation: Installation) -> dict[str, int]:
    """Return the number of failed runs by stage."""
    found: dict[str, int] = {}
    for run in installation.runs:
        if run.state == "failed":
            found[run.stage] = found.get(run.stage, 0) + 1
    return found


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th and 99th percentile and the greatest value."""
    ordered = sorted(values)
    if not ordered:
        return {}
    places = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        name: round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)
        for name, share in places.items()
    }


def resources(installation: Installation) -> dict[str, dict[str, Any]]:
    """Return of each limit its busiest moment as a share, and the time that was waited for it."""
    limits, functions = installation.limits, installation.functions.values()
    waited: dict[str, float] = {}
    for one in functions:
        for name, seconds in one.waited.items():
            waited[name] = waited.get(name, 0.0) + seconds
    busiest = max(one.peak for one in functions)
    found = {
        "maximum concurrency of a queue": busiest / limits.mapping,
        "concurrency of the account": installation.account.peak / limits.account,
        "growth of the mappings": None,
    }
    rows = {name: {"utilisation": share} for name, share in found.items()}
    for name, row in rows.items():
        row["waited_s"] = waited.get(name, 0.0)
    rates = {
        "new environments in 10 s": [one.starts for one in functions],
        "DynamoDB partition of a video, writes": [installation.partition],
        "DynamoDB partition of a video, reads": [installation.partition_reads],
        "DynamoDB partition of the index of leases": installation.leases,
        "S3 PUT": [installation.puts],
        "S3 GET": [installation.gets],
    }
    for name, group in rates.items():
        rows[name] = {
            "utilisation": max(one.utilisation for one in group),
            "waited_s": sum(one.waited for one in group),
        }
    busy = installation.account.busy_s
    rows["bandwidth of functions"] = {
        "utilisation": installation.moved_s / busy if busy else 0.0,
        "waited_s": 0.0,
    }
    return rows


def lifted(limits: Limits, resource: str) -> Limits:
    """Return the limits without that of a resource."""
    changes = next((one for name, one in RELAXED.items() if resource.startswith(name)), {})
    return replace(limits, **changes)
