"""The comparisons of `make bench`, and their bars."""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import models, on_gpu, runners, whole_videos
from benchmarks.comparison import (
    BATCHED,
    COMMAND,
    FASTER,
    GREEDY,
    OURS,
    Bar,
    Comparison,
    Runner,
    difference,
    own,
    ratio,
)
from benchmarks.inputs import Input, Kind
from benchmarks.pictures import FPS

PREDICT: Final = "YOLO.predict"
GATED: Final = "videodrop, gate"
KEYFRAMES: Final = "videodrop, keyframes"
PREDICT_SLOW: Final = "YOLO.predict, keyframe rate"
BY_HAND: Final = "by hand"
SOUGHT: Final = "by hand, keyframes"

_CONFIDENCE: Final = 0.25
_IOU: Final = 0.7
_FPS: Final = 2.0
_KEYFRAME_FPS: Final = 0.5  # one frame each GOP of 2 s


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a run of the benchmarks.

    Attributes:
        seconds: length of the inputs.
        threads: CPU threads of each candidate.
        whisper: a CTranslate2 folder, in place of this project's own ``base``.
        params: further parameters of our stages, by stage.
        videos: number of videos in the larger catalog.
    """

    seconds: int = 60
    threads: int = 1
    whisper: Path | None = None
    params: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    videos: int = 10_000

    def ours(self, stage: str, **params: Any) -> dict[str, Any]:
        """Return the options of a job of ours."""
        return {"stage": stage, "params": {**params, **self.params.get(stage, {})}}


def speech(choices: Choices, _: ExitStack) -> list[Comparison]:
    """Compare transcribe on dense and on half-silent speech."""
    there = models.speech(choices.whisper)
    threads = choices.threads
    torch = {"checkpoint": str(there.checkpoint), "alignment": there.alignment}
    faster = {"folder": str(there.folder)}
    packages = models.install_faster_whisper()

    def job(module: str, options: Mapping[str, Any], packages: Path | None = None) -> Runner:
        return runners.job(
            module, options, threads=threads, packages=packages, weights_mb=there.int8_mb
        )

    candidates = {
        OURS: job("ours", choices.ours("transcribe", model=there.name)),
        COMMAND: job("alternatives.whisper_settings", torch),
        GREEDY: job("alternatives.whisper_greedy", torch),
        FASTER: job("alternatives.faster_whisper", {**faster, "batched": False}, packages),
        BATCHED: job("alternatives.faster_whisper", {**faster, "batched": True}, packages),
    }
    bars: dict[Kind, tuple[float, float]] = {"talking": (6.0, 2.7), "half-silent": (6.0, 3.0)}
    return [
        Comparison(
            f"speech, {kind}",
            Input(kind, choices.seconds),
            candidates,
            (
                Bar("the whisper command's settings : ours", ratio(COMMAND), least=to_command),
                Bar("greedy whisper.transcribe : ours", ratio(GREEDY), least=to_greedy),
                Bar("ours : faster-whisper", ratio(OURS, FASTER), most=1.0),
                Bar("WER beyond whisper's", difference(OURS, GREEDY, "wer"), most=0.005),
                Bar("word starts, median s", own("start_50_s"), most=0.1),
                Bar("word starts, 95 % s", own("start_95_s"), most=0.2),
                Bar("ready to transcribe, CPU-s", own("ready_cpu_s"), most=1.2),
                Bar("ready, MB beside the weights", own("ready_beside_mb"), most=200.0),
                Bar("imports torch", own("torch"), most=0.0),
            ),
        )
        for kind, (to_command, to_greedy) in bars.items()
    ]


def cold(choices: Choices, _: ExitStack) -> list[Comparison]:
    """Compare whole commands on 20 s of speech."""
    there = models.speech(choices.whisper)
    params = choices.ours("transcribe", model=there.name)["params"]
    given = [part for name, value in params.items() for part in ("--param", f"{name}={value}")]

    def ours(video: Path, out: Path) -> list[str | Path]:
        run = ["-m", "pipeline.cli", "run", "transcribe"]
        return [sys.executable, *run, video, "--out", out, *given]

    def whisper(video: Path, out: Path) -> list[str | Path]:
        chosen = ("--model", str(there.checkpoint), "--threads", str(choices.threads))
        run: tuple[str | Path, ...] = (sys.executable, "-m", "whisper")
        return [*run, video, "--output_dir", out, *chosen]

    bar = Bar("ours : the whisper command", ratio(OURS, COMMAND), most=0.5)
    candidates = {
        OURS: runners.command(ours, threads=choices.threads),
        COMMAND: runners.command(whisper, threads=choices.threads),
    }
    return [Comparison("cold, one command", Input("talking", 20), candidates, (bar,))]


def objects(choices: Choices, _: ExitStack) -> list[Comparison]:
    """Compare detect at equal frame times, with its gate, and at the rate of keyframes."""
    return [
        _objects(choices, model, kind)
        for model in ("yolo11n", "yolov8s")
        for kind in ("motion", "slides", "talking")
    ]


def _objects(choices: Choices, model: models.ObjectModel, kind: Kind) -> Comparison:
    there = models.objects(model)
    shared = {"confidence": _CONFIDENCE, "iou": _IOU}

    def ours(fps: float, **params: Any) -> Runner:
        options = choices.ours("detect", model=str(there.exported), fps=fps, **shared, **params)
        return runners.job("ours", options, threads=choices.threads)

    def predict(fps: float) -> Runner:
        options = {"checkpoint": str(there.checkpoint), "fps": fps, "rate": FPS, **shared}
        return runners.job("alternatives.yolo_predict", options, threads=choices.threads)

    candidates = {
        OURS: ours(_FPS, gate=False),
        GATED: ours(_FPS, gate=True),
        KEYFRAMES: ours(_KEYFRAME_FPS, gate=True),
        PREDICT: predict(_FPS),
        PREDICT_SLOW: predict(_KEYFRAME_FPS),
    }
    gated = 2.0 if kind == "motion" else 4.0
    bars = (
        Bar("YOLO.predict : ours, equal frames", ratio(PREDICT), least=1.6),
        Bar("YOLO.predict : ours with the gate", ratio(PREDICT, GATED), least=gated),
        Bar("YOLO.predict : ours on keyframes", ratio(PREDICT, KEYFRAMES), least=8.0),
        Bar("the same at the keyframes' rate", ratio(PREDICT_SLOW, KEYFRAMES)),
        Bar("imports torch", own("torch"), most=0.0),
    )
    name = f"objects, {model}, {kind}"
    return Comparison(name, Input(kind, choices.seconds), candidates, bars)


def pictures(choices: Choices, _: ExitStack) -> list[Comparison]:
    """Compare transcode and thumbnail with ffmpeg by hand."""

    def ours(stage: str) -> Runner:
        return runners.job("ours", choices.ours(stage), threads=choices.threads)

    def by_hand(module: str, **options: Any) -> Runner:
        return runners.job(f"alternatives.{module}", options, threads=choices.threads)

    rungs = by_hand("ffmpeg_rungs", rungs=[720, 480, 360, 240], crf=22, preset="veryfast")
    tiles = by_hand("ffmpeg_tiles", every_s=2, side=192, poster_s=10)
    sought = by_hand("ffmpeg_keyframes", side=192, poster_s=10, widths=[320, 640, 1280])
    found = []
    for codec, decoded, key in (("h264", 1.0, 1.6), ("hevc", 3.0, None)):
        source = Input("motion", 20, codec)
        bar = Bar("ffmpeg by hand : ours", ratio(BY_HAND), least=1.0)
        candidates = {OURS: ours("transcode"), BY_HAND: rungs}
        found.append(Comparison(f"transcode, motion, {codec}", source, candidates, (bar,)))
        source = Input("motion", choices.seconds if codec == "h264" else 20, codec)
        bars = (
            Bar("full decode by hand : ours", ratio(BY_HAND), least=decoded),
            Bar("ours : keyframes and a sought poster", ratio(OURS, SOUGHT), most=key),
        )
        candidates = {OURS: ours("thumbnail"), BY_HAND: tiles, SOUGHT: sought}
        found.append(Comparison(f"thumbnail, motion, {codec}", source, candidates, bars))
    return found


def video(choices: Choices, leaving: ExitStack) -> list[Comparison]:
    """Compare the event path with four naive functions and with the bare stages."""
    there, detector = models.speech(choices.whisper), models.objects("yolo11n")
    shared = whole_videos.Shared(there, detector, choices.params, choices.threads)
    return whole_videos.compare(shared, choices.videos, leaving)


def gpu(choices: Choices, _: ExitStack) -> list[Comparison]:
    """Compare engines and batch sizes on a GPU, by the clock."""
    speech_weights, detector = models.speech(choices.whisper), models.objects("yolov8s")
    return on_gpu.compare(speech_weights, detector, choices.params, choices.seconds)


GROUPS: Final[Mapping[str, Callable[[Choices, ExitStack], list[Comparison]]]] = {
    "speech": speech,
    "cold": cold,
    "objects": objects,
    "pictures": pictures,
    "video": video,
    "gpu": gpu,
}
DEFAULTS: Final = [name for name in GROUPS if name != "gpu"]
