"""Kill -9 of driver and workers, again and again, during a replay: all of it runs, and once.

    python benchmarks/crash.py [--videos 200] [--kills 10] [--seed 1]

A whole stack processes so many small videos and replays detect and thumbnail of all of them.
Meanwhile, at moments and among processes drawn by lot, it loses the driver, half of the stages'
processes, or the worker with all it has. Prints JSON; exits with 1 if a run is missing, was
recorded twice, or did not end well.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
from library import DRIVER, STAGE, WORKER, House, house, tell

from pipeline.replays.records import OVER, Replay
from pipeline.replays.request import ReplayRequest

_CHANGED: dict[str, dict[str, Any]] = {
    "thumbnail": {"poster_quality": 70},
    "detect": {"confidence": 0.4},
}
_LEASE_S = "15"
_WORKERS = 3


def main() -> None:
    """Kill, count and print; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--kills", type=int, default=10, help="as long as the replay lasts")
    parser.add_argument("--pause", type=float, default=20.0, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for each step")
    args = parser.parse_args()
    lots = random.Random(args.seed)  # noqa: S311 - no secret depends on it
    with (
        tempfile.TemporaryDirectory() as directory,
        house(Path(directory) / "home", VIDEODROP_LEASE_S=_LEASE_S) as here,
    ):
        ids = here.fill(args.videos, timeout_s=args.timeout)
        before, recorded = here.made(), here.computed()
        replay = here.start(ReplayRequest(params=_CHANGED))
        killed = _kill(here, replay, lots, args.kills, args.pause)
        replay = here.rest(replay, timeout_s=args.timeout)
        published = here.made() - before
        computed = {stage: here.computed()[stage] - recorded[stage] for stage in _CHANGED}
        states = Counter(
            f"{stage} {video.stages[stage].state}"
            for video in here.catalog.videos(ids)
            for stage in _CHANGED
        )
    wanted = dict.fromkeys(_CHANGED, args.videos)
    ended: Counter[str] = Counter()
    for progress in replay.progress.values():
        ended.update(progress.ended)
    bars = {
        "it_finished": replay.state == "finished",
        "none_missed": Counter(stage for _, stage, _ in published) == wanted,
        "none_recorded_twice": all(computed[stage] <= args.videos for stage in _CHANGED),
        "all_ended_well": ended["succeeded"] + ended["reused"] == len(_CHANGED) * args.videos,
    }
    figures = {
        "videos": args.videos,
        "killed": killed,
        "ended": ended,
        "states": states,
        "results": len(published),
        "computed_and_recorded": computed,
        # Killed between the last file and the record: nobody knows of those files.
        "published_and_not_recorded": published.total() - len(published),
        "seconds": round((replay.updated_at - replay.created_at).total_seconds(), 1),
        "bars": bars,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(not all(bars.values()))


def _kill(
    here: House, replay: Replay, lots: random.Random, times: int, pause_s: float
) -> dict[str, int]:
    """Kill by lot while the replay lasts; how often which."""
    killed: Counter[str] = Counter()
    while killed.total() < times and here.look(replay).state not in OVER:
        time.sleep(lots.uniform(0, 2 * pause_s))
        kinds = ["driver", "half of the stages", "driver and half"]
        # Oftener, and the stack gives up on a part that does not stay up.
        what = lots.choice([*kinds, "worker"] if killed["worker"] < _WORKERS else kinds)
        stages = here.processes(STAGE)
        half = lots.sample(stages, len(stages) // 2)
        driver = here.processes(DRIVER)
        victims = {
            "driver": driver,
            "half of the stages": half,
            "driver and half": driver + half,
            "worker": here.processes(WORKER),
        }[what]
        for victim in victims:
            try:
                victim.kill()
            except psutil.NoSuchProcess:
                continue
        if victims:
            killed[what] += 1
            tell(f"killed: {what}; {here.look(replay).ended} runs had ended")
    return dict(killed)


if __name__ == "__main__":
    main()
