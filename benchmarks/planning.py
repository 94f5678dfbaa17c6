"""The planning of a replay of very many videos: its memory must not grow with their number.

    python -m benchmarks.planning [--videos 1000000]

Everything down to boto3 is real, and driven like in the handler. Only the network is replaced: a
DynamoDB generates its items on demand (``generated.py``), and its time is counted separately. Exits
with 1 if memory grew, or if the plan is wrong.
"""

import argparse
import json
import logging
import os
import sys
import time

import psutil

from benchmarks.generated import CONFIDENCE, GeneratedVideos
from pipeline import bootstrap
from pipeline.aws import clients as aws
from pipeline.core.events import WakeUp
from pipeline.core.settings import Settings
from pipeline.replays.request import ReplayRequest

_TURN_S = 5.0
_SHARES = (0.01, 0.1, 0.5, 1.0)


def main() -> None:
    """Plan and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--videos", type=int, default=1_000_000)
    parser.add_argument("--limit", type=float, default=20.0, help="MB that memory may grow by")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    config = bootstrap.settings()
    videos = GeneratedVideos(args.videos, config)
    _answer_with(videos, config)
    replays = bootstrap.replays(config)
    request = ReplayRequest(params={"detect": {"confidence": CONFIDENCE}}, dry_run=True)
    replay_id = replays.start(request).replay_id
    wake_up = WakeUp(replay_id=replay_id)
    held: dict[float, float] = {}
    process = psutil.Process()

    def look() -> None:
        replay = replays.get(replay_id)
        done = replay.plan.videos / args.videos if replay else 0
        for share in _SHARES:
            if done >= share:
                held.setdefault(share, process.memory_info().rss / 2**20)

    begun, cpu = time.monotonic(), time.process_time()
    answering, boto3 = videos.cpu_seconds, videos.boto3_cpu_seconds
    turns = 0
    while (replay := replays.get(replay_id)) and replay.state == "planning":
        bootstrap.driver(config).drive(wake_up, seconds=_TURN_S, beat=look)
        turns += 1
    seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
    answering, boto3 = videos.cpu_seconds - answering, videos.boto3_cpu_seconds - boto3
    plan = replay.plan if replay else None
    verdicts = {stage: one.verdicts for stage, one in plan.stages.items()} if plan else {}
    expected = {stage: {"current": args.videos} for stage in config.topology.stages}
    right = verdicts == expected | {"detect": videos.expected()}
    grown = held[1.0] - held[_SHARES[0]]
    figures = {
        "videos": plan.videos if plan else 0,
        "turns": turns,
        "seconds": round(seconds, 1),
        "cpu_us_a_video": {
            "planning": round((cpu - boto3 - answering) / args.videos * 1e6),
            "boto3": round(boto3 / args.videos * 1e6),
            "answering, not counted elsewhere": round(answering / args.videos * 1e6),
        },
        "rss_mb": {f"{share:.0%}": round(mb, 1) for share, mb in held.items()},
        "growth_mb": round(grown, 1),
        "requests": dict(videos.calls),
        "items_read_by_key": videos.read,
        "scans": videos.calls["Scan"],
        "plan": verdicts,
        "plan_is_right": right,
    }
    print(json.dumps(figures, indent=1))
    sys.exit(not right or grown > args.limit)


def _answer_with(videos: GeneratedVideos, config: Settings) -> None:
    """Replace DynamoDB by ``videos``, and disable the bus."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "generated",
        "AWS_SECRET_ACCESS_KEY": "generated",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    videos.attach(aws.table(config.names.table).meta.client)
    # A dry run requests no work; the loop above wakes it.
    aws.client("events").put_events = lambda **_: {"FailedEntryCount": 0}


if __name__ == "__main__":
    main()
