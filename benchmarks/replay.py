"""A replay of a changed setting runs one stage, a second one nothing; dry runs predict both.

    python -m benchmarks.replay [--videos 200]

A whole stack processes small videos. Then detect gets another confidence: dry run, replay, dry run,
replay. The manifests in the bucket show what ran, independently of the replay's record. Prints
JSON; exits with 1 if something else ran, was predicted, or took too long.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.library import DRIVER, RunningStack, cpu_seconds, log, running_stack
from pipeline.replays.records import Replay
from pipeline.replays.request import ReplayRequest

_CHANGED: dict[str, dict[str, Any]] = {"detect": {"confidence": 0.4}}
_MOST_MS = 5.0


def main() -> None:
    """Measure and print; exit with 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=200)
    parser.add_argument("--timeout", type=float, default=3600.0, help="seconds for each step")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        running_stack(Path(directory) / "home") as here,
    ):
        here.fill(args.videos, timeout_s=args.timeout)
        stages = here.settings.topology.stages
        processed = Counter(stage for _, stage, _ in here.made().elements())
        log("changing the setting …")
        first = _both(here, args.timeout)
        log("repeating …")
        second = _both(here, args.timeout)
    nothing = dict.fromkeys(stages, 0)
    bars = {
        "all_processed_once": processed == dict.fromkeys(stages, args.videos),
        "only_detect_ran": first["ran"] == nothing | {"detect": args.videos},
        "first_was_predicted": first["predicted"] == first["ran"] == first["reported"],
        "nothing_ran_again": second["ran"] == nothing,
        "second_was_predicted": second["predicted"] == second["ran"] == second["reported"],
        "little_work": second["driver_cpu_ms_a_video"] <= _MOST_MS,
    }
    print(
        json.dumps({"videos": args.videos, "first": first, "again": second, "bars": bars}, indent=1)
    )
    sys.exit(not all(bars.values()))


def _both(here: RunningStack, timeout_s: float) -> dict[str, Any]:
    """Plan, run and compare."""
    stages = here.settings.topology.stages
    dry = here.wait(here.start(ReplayRequest(params=_CHANGED, dry_run=True)), timeout_s=timeout_s)
    before, cpu = here.made(), _cpu(here)
    begun = time.monotonic()
    replay = here.wait(here.start(ReplayRequest(params=_CHANGED)), timeout_s=timeout_s)
    seconds = time.monotonic() - begun
    driver_cpu, stack_cpu = (after - before for after, before in zip(_cpu(here), cpu, strict=True))
    ran = Counter(stage for _, stage, _ in (here.made() - before).elements())
    videos = replay.plan.videos
    return {
        "state": replay.state,
        "predicted": {stage: _planned(dry, stage) for stage in stages},
        "ran": {stage: ran[stage] for stage in stages},
        "reported": {stage: _reported(replay, stage) for stage in stages},
        "seconds": round(seconds, 2),
        "planned_in_ms_a_video": _per(videos, _planning_s(dry)),
        "driver_cpu_ms_a_video": _per(videos, driver_cpu),
        "stack_cpu_ms_a_video": _per(videos, stack_cpu),
    }


def _cpu(here: RunningStack) -> tuple[float, float]:
    """Return the CPU seconds of the driver, and of all processes of the stack."""
    return cpu_seconds(here.processes(DRIVER)), cpu_seconds(here.family())


def _planned(replay: Replay, stage: str) -> int:
    plan = replay.plan.stages.get(stage)
    return plan.verdicts.get("run", 0) + plan.verdicts.get("reuse", 0) if plan else 0


def _reported(replay: Replay, stage: str) -> int:
    progress = replay.progress.get(stage)
    return progress.ended.get("succeeded", 0) if progress else 0


def _planning_s(dry: Replay) -> float:
    """Return the seconds from the request to the plan, including the wake-up and loading models."""
    return (dry.updated_at - dry.created_at).total_seconds()


def _per(videos: int, seconds: float) -> float:
    return round(seconds * 1000 / max(1, videos), 2)


if __name__ == "__main__":
    main()
