"""Very many uploads of mixed length, and clips behind films."""

import math
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Any, Final, NamedTuple

from benchmarks.simulation.installation import Installation
from benchmarks.simulation.limits import RELAXED, Limits
from benchmarks.simulation.scenario import (
    Given,
    failed,
    lifted,
    makespan,
    percentiles,
    resources,
)
from benchmarks.simulation.work import Video

A_DAY: Final = 100_000
DAY_S: Final = 86400.0
SWING: Final = 0.9  # of the arrivals about their mean, over a day
FULL_HD_SHARE: Final = 0.6
MOSTLY: Final = 0.95
_STEPS: Final = 4


class Part(NamedTuple):
    """A part of the mix: its share, and the lengths between which it lies.

    The logarithm of the length is uniform.
    """

    kind: str
    share: float
    least_s: float
    most_s: float


MIX: Final = (
    Part("clip", 0.50, 15, 60),
    Part("short", 0.30, 60, 300),
    Part("talk", 0.15, 300, 1200),
    Part("lesson", 0.04, 1200, 3600),
    Part("film", 0.01, 3600, 10800),
)


def uploads(count: int, seed: int, seconds: float, swing: float = SWING) -> Iterator[Video]:
    """Yield uploads of the mix that arrive at random within a time, most in its first half.

    Args:
        count: number of uploads.
        seed: of lengths and times.
        seconds: the time.
        swing: share by which the arrival rate rises and falls about its mean, once.
    """
    chance = Random(seed)  # noqa: S311 - a simulation
    times = sorted(_time(chance, seconds, swing) for _ in range(count))
    shares = [part.share for part in MIX]
    for number, at in enumerate(times):
        (part,) = chance.choices(MIX, shares)
        length = part.least_s * (part.most_s / part.least_s) ** chance.random()
        height = 1080 if chance.random() < FULL_HD_SHARE else 720
        yield Video(number, at, length, height, part.kind)


def at_a_rate(given: Given, count: int) -> dict[str, Any]:
    """Return throughput, waits and USD of uploads at the rate of 100,000 a day."""
    found = given.simulate(uploads(count, given.seed, DAY_S * count / A_DAY), Limits())
    return {"mix": [part._asdict() for part in MIX], **_figures(given, found)}


def over_limits(given: Given, count: int) -> dict[str, Any]:
    """Return the throughput of uploads that come all at once, with each limit lifted in turn."""
    videos = list(uploads(count, given.seed, 60.0, 0.0))
    found = given.simulate(videos, Limits())
    base = _mostly_ready(found)
    rows = []
    for name, changes in RELAXED.items():
        seconds = _mostly_ready(given.simulate(videos, replace(Limits(), **changes)))
        rows.append(
            {"lifted": name, "ready_s": seconds, "videos_an_hour": MOSTLY * count / seconds * 3600,
             "gain": 1 - seconds / base}
        )  # fmt: skip
    return {
        "uploads": count,
        "base": {"ready_s": base, "videos_an_hour": MOSTLY * count / base * 3600},
        "rows": rows,
        "chain": _chain(given, videos),
        "resources": resources(found),
    }


def _chain(given: Given, videos: list[Video]) -> list[dict[str, Any]]:
    """Lift the limit that messages wait for most, again and again; return each step."""
    limits, rows = Limits(), []
    for _ in range(_STEPS):
        found = given.simulate(videos, limits)
        waited = {name: row["waited_s"] for name, row in resources(found).items()}
        first = max(waited, key=lambda name: waited[name])
        seconds = _mostly_ready(found)
        rows.append(
            {
                "first": first,
                "waited_s": waited[first],
                "videos_an_hour": MOSTLY * len(videos) / seconds * 3600,
                "peak_executions": found.account.peak,
            }
        )
        limits = lifted(limits, first)
    return rows


def behind_films(given: Given, films: int = 3, workers: int = 50) -> list[dict[str, Any]]:
    """Return how long clips wait behind films, with fair queues and without."""
    videos = [Video(number, 0.0, 10800.0, 1080, "film") for number in range(films)]
    clips = [Video(films + n, 60.0 + 2.0 * n, 30.0, 720, "clip") for n in range(300)]
    rows = []
    for fair in (True, False):
        limits = replace(Limits(), mapping=workers, fair=fair)
        found = given.simulate([*videos, *clips], limits)
        ready = [run for run in found.runs if run.stage == "transcode"]
        rows.append(
            {
                "fair": fair,
                "workers_a_stage": workers,
                "clip_wait_s": percentiles(found.waits["transcode", "first", "clip"]),
                "clip_ready_s": percentiles(_took(ready, "clip")),
                "film_ready_s": percentiles(_took(ready, "film")),
            }
        )
    return rows


def _took(runs: list[Any], kind: str) -> list[float]:
    return [run.finished - run.video.at for run in runs if run.video.kind == kind]


def _last(found: Installation) -> dict[int, float]:
    """Return the time of the last result of each video."""
    last: dict[int, float] = {}
    for run in found.runs:
        last[run.video.number] = max(last.get(run.video.number, 0.0), run.finished)
    return last


def _mostly_ready(found: Installation) -> float:
    """Return the time at which 95 % of the videos were ready; a long film may take longer."""
    times = sorted(_last(found).values())
    return times[math.ceil(MOSTLY * len(times)) - 1]


def _waits(found: Installation, stage: str) -> list[float]:
    """Return how long the messages of a stage waited until their work began."""
    return [wait for key, waits in found.waits.items() if key[0] == stage for wait in waits]


def _figures(given: Given, found: Installation) -> dict[str, Any]:
    count = len(found.runs) // len(found.functions)
    ready: dict[str, list[float]] = {}
    last = _last(found)
    for run in found.runs:
        if run.stage == "transcode":
            took = last[run.video.number] - run.video.at
            ready.setdefault(run.video.kind, []).append(took)
    usd = found.usage.usd(given.prices)
    span = makespan(found)
    return {
        "uploads": count,
        "makespan_s": span,
        "videos_an_hour": count / span * 3600,
        "messages": found.sent,
        "retried": found.retried,
        "failed_runs": failed(found),
        "wait_s": {stage: percentiles(_waits(found, stage)) for stage in found.functions},
        "ready_s": {part.kind: percentiles(ready.get(part.kind, [])) for part in MIX},
        "usd": usd,
        "usd_a_video": sum(usd.values()) / count,
        "busy_share_of_account": found.account.busy_s / span / found.account.most,
        "resources": resources(found),
    }


def _time(chance: Random, seconds: float, swing: float) -> float:
    """Draw a time by rejection, at a rate of 1 + swing * sin."""
    while True:
        at = chance.random() * seconds
        rate = 1 + swing * math.sin(2 * math.pi * at / seconds)
        if chance.random() * (1 + swing) <= rate:
            return at
