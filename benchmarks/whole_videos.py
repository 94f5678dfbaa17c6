"""Whole videos through the event path, compared with four naive functions and bare stages."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3

from benchmarks import counting_server as counting
from benchmarks import models, runners
from benchmarks.comparison import OURS, Bar, Comparison, Figures, Runner, difference, own, ratio
from benchmarks.event_path import EventPath
from benchmarks.inputs import Input, Kind, warm_up
from benchmarks.pictures import FPS, Codec

NAIVE: Final = "four naive functions"
BARE: Final = "bare stages"
FILLED: Final = "videodrop, larger catalog"
STAGES: Final = ("transcode", "thumbnail", "transcribe", "detect")
OVERHEAD: Final = (
    Bar("CPU-s beyond the bare stages", difference(OURS, BARE, "cpu_s"), most=0.15),
    Bar("AWS calls beside the files", own("calls_beside_files"), most=25),
    Bar("AWS calls with the files", own("calls")),
    Bar("CPU-s more in a larger catalog", difference(FILLED, OURS, "cpu_s"), most=0.05),
    Bar("AWS calls more in a larger catalog", difference(FILLED, OURS, "calls"), most=0),
)
_BUCKET: Final = "naive-functions"
CLIP: Final = Input("clip", 1)


@dataclass(frozen=True, slots=True)
class Shared:
    """The weights, parameters of our stages and threads that all candidates share."""

    speech: models.SpeechWeights
    objects: models.ObjectWeights
    params: Mapping[str, Mapping[str, Any]]
    threads: int

    def ours(self) -> dict[str, dict[str, Any]]:
        """Return the parameters of our stages, with these weights."""
        chosen: dict[str, dict[str, Any]] = {
            "transcribe": {"model": self.speech.name},
            "detect": {"model": str(self.objects.exported)},
        }
        return {s: {**chosen.get(s, {}), **self.params.get(s, {})} for s in STAGES}

    def naive(self) -> dict[str, dict[str, Any]]:
        """Return the options of the four functions."""
        return {
            "transcode": {"rungs": [720, 480, 360, 240], "crf": 22, "preset": "veryfast"},
            "thumbnail": {"every_s": 2, "side": 192, "poster_s": 2},
            "transcribe": {
                "checkpoint": str(self.speech.checkpoint),
                "alignment": self.speech.alignment,
            },
            "detect": {
                "checkpoint": str(self.objects.checkpoint),
                "fps": 2.0,
                "rate": FPS,
                "confidence": 0.25,
                "iou": 0.7,
            },
        }


def compare(shared: Shared, videos: int, leaving: ExitStack) -> list[Comparison]:
    """Return the comparisons; stacks start at their first use and end with ``leaving``.

    Args:
        shared: what all candidates have in common.
        videos: number of videos in the larger catalog.
        leaving: ends the stacks.
    """
    chosen, threads = shared.ours(), shared.threads
    path = EventPath(chosen, threads=threads)
    filled = EventPath(chosen, fill=videos, threads=threads)

    def ours(source: Input, out: Path) -> Figures:
        path.start(leaving, "small")
        return path.run(source, out)

    def larger(source: Input, out: Path) -> Figures:
        filled.start(leaving, "filled")
        return filled.run(source, out)

    def naive(source: Input, out: Path) -> Figures:
        path.start(leaving, "small")
        return _naive(path, shared.naive(), threads, source, out)

    found = []
    codecs: dict[Codec, float] = {"h264": 2.6, "hevc": 1.6}
    kinds: tuple[Kind, ...] = ("talking", "motion")
    for codec, least in codecs.items():
        for kind in kinds:
            bar = Bar("four naive functions : ours", ratio(NAIVE), least=least)
            candidates: dict[str, Runner] = {OURS: ours, NAIVE: naive}
            source = Input(kind, 20, codec)
            found.append(Comparison(f"video, {kind}, {codec}", source, candidates, (bar,)))
    candidates = {OURS: ours, BARE: bare(chosen, threads), FILLED: larger}
    return [*found, Comparison("video, 1 s, overhead", CLIP, candidates, OVERHEAD)]


def _naive(
    path: EventPath,
    functions: Mapping[str, Mapping[str, Any]],
    threads: int,
    source: Input,
    out: Path,
) -> Figures:
    """Run the four functions on the same AWS as the stack, and add up what they use."""
    session = boto3.Session(path.aws["AWS_ACCESS_KEY_ID"], path.aws["AWS_SECRET_ACCESS_KEY"])
    s3 = session.client(
        "s3", endpoint_url=path.aws["AWS_ENDPOINT_URL"], region_name=path.aws["AWS_REGION"]
    )
    s3.create_bucket(Bucket=_BUCKET)
    videos = (source.path(), warm_up())
    for video in videos:
        s3.upload_file(str(video), _BUCKET, video.name)
    keys = {video.name: video.name for video in videos}
    total = {"cpu_s": 0.0, "peak_mb": 0.0, "process_cpu_s": 0.0}
    before = path.counts()
    for name, options in functions.items():
        folder = out / name
        folder.mkdir()
        chosen = {"function": name, "bucket": _BUCKET, "keys": keys, **options}
        run = runners.job(
            "alternatives.naive_function", chosen, threads=threads, variables=path.aws
        )
        used = run(source, folder)
        for figure in total:
            total[figure] += used[figure]
    after = path.counts()
    # Each function also downloaded the warm-up once.
    warmed = len(functions) * warm_up().stat().st_size / 1e6
    return total | {"s3_mb": counting.sent_mb(before, after) - warmed}


def bare(params: Mapping[str, Mapping[str, Any]], threads: int) -> Runner:
    """Return the runner of the four stages without events, records or uploads."""

    def run(source: Input, out: Path) -> Figures:
        total = 0.0
        for stage in STAGES:
            folder = out / stage
            folder.mkdir()
            options = {"stage": stage, "params": params[stage]}
            total += runners.job("ours", options, threads=threads)(source, folder)["cpu_s"]
        return {"cpu_s": total}

    return run
