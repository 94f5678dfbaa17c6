"""Repeated SIGKILL of driver and workers during a replay: each run succeeds exactly once.

    python -m benchmarks.crash [--videos 200] [--kills 10] [--seed 1]

A whole stack processes small videos and replays detect and thumbnail of all of them. At random
times, SIGKILL ends the driver, half of the stages' processes, or the worker with its children.
Prints JSON; exits with 1 if a run is missing or did not succeed.
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

from benchmarks.library import DRIVER, STAGE, WORKER, RunningStack, log, running_stack
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
    parser.add_argument("--kills", type=int, default=10, help="during the replay")
    parser.add_argument("--pause", type=float, default=20.0, help="mean seconds between two kills")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for each step")
    args = parser.parse_args()
    rng = random.Random(args.seed)  # noqa: S311 - no secret depends on it
    with (
        tempfile.TemporaryDirectory() as directory,
        running_stack(Path(directory) / "home", VIDEODROP_LEASE_S=_LEASE_S) as here,
    ):
        ids = here.fill(args.videos, timeout_s=args.timeout)
        before = here.made()
        replay = here.start(ReplayRequest(params=_CHANGED))
        killed = _kill(here, replay, rng, args.kills, args.pause)
        replay = here.wait(replay, timeout_s=args.timeout)
        published = here.made() - before
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
        "all_ended_well": ended["succeeded"] + ended["reused"] == len(_CHANGED) * args.videos,
    }
    figures = {
        "videos": args.videos,
        "killed": killed,
        "ended": ended,
        "states": states,
        "results": len(published),
        # Killed between the last file and the record: these files are orphans.
        "published_and_not_recorded": published.total() - len(published),
        "seconds": round((replay.updated_at - replay.created_at).total_seconds(), 1),
        "bars": bars,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(not all(bars.values()))


def _kill(
    here: RunningStack, replay: Replay, rng: random.Random, times: int, pause_s: float
) -> dict[str, int]:
    """Kill random processes during the replay; return the count of each kind."""
    killed: Counter[str] = Counter()
    while killed.total() < times and here.look(replay).state not in OVER:
        time.sleep(rng.uniform(0, 2 * pause_s))
        kinds = ["driver", "half of the stages", "driver and half"]
        # More often, and the stack gives up on a part that does not stay up.
        what = rng.choice([*kinds, "worker"] if killed["worker"] < _WORKERS else kinds)
        stages = here.processes(STAGE)
        half = rng.sample(stages, len(stages) // 2)
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
            log(f"killed: {what}; {here.look(replay).ended} runs had ended")
    return dict(killed)


if __name__ == "__main__":
    main()
