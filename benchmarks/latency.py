"""The latency of new uploads during a replay, compared with an idle system.

    python -m benchmarks.latency CLIP [--videos 500] [--uploads 15] [--stages thumbnail,detect]

A whole stack processes small videos. Each round has uploads on the idle system and uploads during a
replay of all these videos, in all stages or in those named. The rounds alternate, so that noise of
the machine affects both. An upload's time is from its first byte to the end of its last stage.
Prints JSON; exits with 1 if the bar is missed, or if the replay did not run all the time.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.library import RunningStack, ffmpeg, log, running_stack
from pipeline import bootstrap
from pipeline.aws.following import follow
from pipeline.core.records import Video
from pipeline.replays.records import OVER, Replay
from pipeline.replays.request import ReplayRequest

_SMALL = ("-t", "1", "-vf", "scale=160:-2", "-r", "10", "-preset", "ultrafast", "-ac", "1")
_FRESH = ("-t", "6", "-preset", "veryfast")

# A parameter of each stage, different in each round.
_CHANGED: dict[str, Callable[[int], dict[str, Any]]] = {
    "transcode": lambda number: {"crf": 23 + number},
    "thumbnail": lambda number: {"poster_quality": 80 - number},
    "transcribe": lambda number: {"caption_width": 41 - number},
    "detect": lambda number: {"confidence": 0.3 + number / 100},
}


def main() -> None:
    """Measure and print; exit with 1 if the bar is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("clip", type=Path, help="a video with speech; 6 s of it are uploaded")
    parser.add_argument("--videos", type=int, default=500, help="number of small videos to replay")
    parser.add_argument("--stages", default=",".join(_CHANGED), help="of the small ones")
    parser.add_argument("--uploads", type=int, default=15, help="measured of each kind, 2 or more")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--limit", type=float, default=1.2, help="bar of the ratio of the medians, busy to idle"
    )
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as directory,
        running_stack(Path(directory) / "home") as here,
    ):
        bench = _Bench(here, Path(directory), args.clip, args.stages)
        log(f"processing {args.videos} small videos …")
        bench.fill(args.videos)
        found = bench.compare(args.uploads, args.rounds)
    print(json.dumps({"videos": args.videos, "stages": args.stages, **found}, indent=1))
    sys.exit(not found["valid"] or found["ratio"] > args.limit)


class _Bench:
    def __init__(self, here: RunningStack, directory: Path, clip: Path, stages: str) -> None:
        self._stages = stages
        self._uploads = bootstrap.uploads(here.settings)
        self._catalog = here.catalog
        self._replays = here.replays
        self._directory = directory
        self._small = self._encoded(clip, "small.mp4", _SMALL)
        self._fresh = self._encoded(clip, "fresh.mp4", _FRESH)
        self._dropped = 0
        self._valid = True

    def fill(self, videos: int) -> None:
        """Process the small videos, and a new one that loads every model."""
        dropped = [self._drop(self._small, {"stages": self._stages}) for _ in range(videos)]
        dropped.append(self._drop(self._fresh))
        for seen in follow(self._catalog, dict.fromkeys(dropped), timeout_s=24 * 3600, every_s=5):
            done = sum(video.status != "processing" for video in seen)
            log(f"{done} of {len(dropped)}")

    def compare(self, uploads: int, rounds: int) -> dict[str, Any]:
        """Measure uploads on the idle system and during a replay, alternately."""
        idle: list[float] = []
        busy: list[float] = []
        ran = []
        for number in range(rounds):
            share = uploads * (number + 1) // rounds - len(idle)
            idle += [self._measured() for _ in range(share)]
            replay = self._begin(number)
            before = replay.ended
            busy += [self._measured() for _ in range(share)]
            replay = self._end(replay)
            ran.append({"asked": replay.asked, "ended": replay.ended - before})
            log(f"idle {_seconds(idle[-share:])}, busy {_seconds(busy[-share:])}, {ran[-1]}")
        return {
            "uploads": uploads,
            "idle_s": _spread(idle),
            "busy_s": _spread(busy),
            "ratio": round(statistics.median(busy) / statistics.median(idle), 3),
            "replays": ran,
            "valid": self._valid,
        }

    def _measured(self) -> float:
        """Return the seconds from the upload of a new video to the end of its last stage."""
        begun = time.time()
        video_id = self._drop(self._fresh)
        *_, (video,) = follow(self._catalog, {video_id: None}, timeout_s=3600, every_s=1)
        self._valid &= video.status == "ready"
        return _finished(video) - begun

    def _begin(self, number: int) -> Replay:
        """Start a replay with work in every stage; return it once it runs."""
        params = {stage: _CHANGED[stage](number) for stage in self._stages.split(",")}
        replay = self._replays.start(ReplayRequest(prefix="small", params=params))
        return self._until(replay, lambda now: len(now.progress) == len(params) and now.ended > 0)

    def _end(self, replay: Replay) -> Replay:
        """Cancel a replay that must still be running; return it once none of its runs is left."""
        last = self._until(replay, lambda _: True)
        self._valid &= last.state == "running" and bool(last.open)
        self._replays.ask(replay.replay_id, "cancel")
        self._until(replay, lambda now: now.state in OVER)
        while any(
            run.state == "running"
            for video in self._catalog.videos([one.video_id for one in last.open])
            for run in video.stages.values()
        ):
            time.sleep(1)
        return last

    def _until(self, replay: Replay, condition: Callable[[Replay], bool]) -> Replay:
        while True:
            now = self._replays.get(replay.replay_id)
            if now and condition(now):
                return now
            time.sleep(1)

    def _drop(self, path: Path, options: Mapping[str, str] | None = None) -> str:
        """Upload a copy with different bytes, as a new video."""
        self._dropped += 1
        copy = path.with_name(f"{path.stem}-{self._dropped}.mp4")
        ffmpeg("-i", path, "-c", "copy", "-metadata", f"title={self._dropped}", copy)
        video_id = self._uploads.put(copy, self._uploads.key(copy.name), options=options)
        copy.unlink()
        return video_id

    def _encoded(self, clip: Path, name: str, options: tuple[str, ...]) -> Path:
        path = self._directory / name
        ffmpeg("-i", clip, *options, path)
        return path


def _finished(video: Video) -> float:
    """Return the time at which the last stage ended, in epoch seconds."""
    return max(run.finished_at.timestamp() for run in video.stages.values() if run.finished_at)


def _spread(seconds: list[float]) -> dict[str, float]:
    quartiles = statistics.quantiles(seconds, n=4, method="inclusive")
    return dict(zip(("q1", "median", "q3"), (round(q, 3) for q in quartiles), strict=True))


def _seconds(measured: list[float]) -> str:
    return " ".join(f"{one:.1f}" for one in measured) + " s"


if __name__ == "__main__":
    main()
