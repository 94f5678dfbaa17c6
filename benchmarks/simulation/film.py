"""One long film: the time to its result over workers, limits and lengths of ranges."""

import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import Any, Final

from benchmarks.simulation import effort
from benchmarks.simulation.installation import Installation
from benchmarks.simulation.limits import RELAXED, Limits
from benchmarks.simulation.scenario import Given, by_stage, failed, makespan, resources
from benchmarks.simulation.work import SHAPES, Shape, Video

FILM: Final = Video(0, 0.0, 3 * 3600.0, 1080, "film")
WORKERS: Final = (10, 100, 1000)
LENGTHS: Final = (30.0, 60.0, 90.0, 120.0)
DIVISIONS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "as the stages divide it": {},
    "sound by 300 s": {"transcode": {"sound_s": 300.0}},
    "sound in one range": {"transcode": {"sound_s": math.inf}},
    "thumbnail in one range": {"thumbnail": {"range_s": math.inf}},
}
MOST_S: Final = 300.0
MOST_COST: Final = 1.1
TWENTY_MINUTES: Final = Video(0, 0.0, 1200.0, 720, "twenty minutes")
_SEEDS: Final = 5
_PARTITION: Final = "DynamoDB partition of a video, writes"


def over_workers(given: Given) -> dict[str, Any]:
    """Return time and USD of the film with more and more workers, against one serial worker."""
    seconds, usd = given.serial(FILM)
    rows = []
    for workers in WORKERS:
        cold = Limits.of_workers(workers)
        for start, limits in (("Lambda, cold", cold), ("ready workers", cold.ready())):
            found = _row(given, limits)
            row = {"workers": workers, "start": start, **found}
            row["faster"] = seconds / found["makespan_s"]
            row["cost_ratio"] = found["usd"] / usd
            rows.append(row)
    bar = next(one for one in rows if one["workers"] == WORKERS[-1])
    return {
        "serial": {"makespan_s": seconds, "usd": usd},
        "rows": rows,
        "bars": [
            {"name": "seconds of the film", "most": MOST_S, "value": bar["makespan_s"]},
            {"name": "cost : serial", "most": MOST_COST, "value": bar["cost_ratio"]},
        ],
    }


def over_limits(given: Given) -> dict[str, Any]:
    """Return the film's time with the usual settings, and with each limit lifted in turn."""
    base = _row(given, Limits())
    rows = [
        {"lifted": name, **_row(given, replace(Limits(), **changes))}
        for name, changes in RELAXED.items()
    ]
    for row in rows:
        row["gain"] = 1 - row["makespan_s"] / base["makespan_s"]
    found = given.simulate([FILM], Limits())
    return {"base": base, "rows": rows, "resources": resources(found)}


def over_divisions(given: Given) -> list[dict[str, Any]]:
    """Return the film's time if sound and thumbnails were divided otherwise."""
    _, usd = given.serial(FILM)
    limits = Limits.of_workers(WORKERS[-1])
    rows = []
    for name in DIVISIONS:
        shapes = of_division(name)
        found = _row(given, limits, shapes)
        found["cost_ratio"] = found["usd"] / usd
        found["faster_with_two"] = faster_with_two(given, shapes["transcode"])
        rows.append({"division": name, **found})
    return rows


def of_division(name: str) -> dict[str, Shape]:
    """Return the divisions of the stages by their name in ``DIVISIONS``."""
    changes = DIVISIONS[name]
    return {stage: replace(one, **changes.get(stage, {})) for stage, one in SHAPES.items()}


def over_lengths(given: Given) -> list[dict[str, Any]]:
    """Return what the film's transcode costs by the length of its ranges."""
    return [_of_length(given, length) for length in LENGTHS]


def faster_with_two(given: Given, shape: Shape) -> float:
    """Return how much faster two workers of a core each transcode 20 minutes than one."""
    stages = {
        name: spec.model_copy(update={"memory_mb": effort.MB_A_VCPU})
        for name, spec in given.topology.stages.items()
    }
    topology = given.topology.model_copy(update={"stages": stages})
    cores = replace(given, topology=topology)
    one, two = (
        makespan(cores.simulate([TWENTY_MINUTES], _steady(workers), {"transcode": shape}))
        for workers in (1, 2)
    )
    return one / two


def _of_length(given: Given, length: float) -> dict[str, Any]:
    shape = replace(SHAPES["transcode"], range_s=length)
    whole = {"transcode": replace(shape, range_s=math.inf)}
    found = _many(given, Limits.of_workers(WORKERS[-1]), {"transcode": shape})
    base = given.simulate([FILM], _steady(1), whole)
    costs = given.measured.stages["transcode"]
    work = costs.minute_cpu_s.mean * costs.at_1080p.mean * length / 60
    return {
        "range_s": length,
        "ranges": len(found[0].runs[0].ranges),
        "makespan_s": median(makespan(one) for one in found),
        "cost_ratio": median(given.usd(one) for one in found) / given.usd(base),
        "cpu_ratio": 1 + costs.range_cpu_s.mean / work,
        "puts": median(one.usage.puts for one in found),
        "partition_writes_a_second": median(one.partition.peak for one in found),
        "partition_utilisation": median(one.partition.utilisation for one in found),
        "lost_by_a_kill_cpu_s": (costs.range_cpu_s.mean + work) / 2,
        "faster_with_two": faster_with_two(given, shape),
    }


def _steady(workers: int) -> Limits:
    """Return limits with warm workers, no failures and no timeouts."""
    limits = Limits.of_workers(workers).ready()
    return replace(limits, timeouts=False, fails=0.0, killed=0.0)


def _row(given: Given, limits: Limits, shapes: Mapping[str, Shape] | None = None) -> dict[str, Any]:
    """Return the medians of several simulations of the film."""
    shapes = shapes or given.shapes
    found = _many(given, limits, shapes)
    stages = [by_stage(one) for one in found]
    middle = sorted(found, key=makespan)[len(found) // 2]
    return {
        "makespan_s": makespan(middle),
        "stages_s": {name: median(one[name] for one in stages) for name in shapes},
        "usd": median(given.usd(one) for one in found),
        "cold_starts": sum(one.cold_starts for one in middle.functions.values()),
        "failed_runs": ", ".join(sorted({name for one in found for name in failed(one)})),
    }


def _many(given: Given, limits: Limits, shapes: Mapping[str, Shape]) -> list[Installation]:
    return [given.simulate([FILM], limits, shapes, seed) for seed in range(_SEEDS)]
