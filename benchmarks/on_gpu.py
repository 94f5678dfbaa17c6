"""Engines and batch sizes on a host with an NVIDIA GPU, compared by the clock: make bench-gpu."""

import shutil
from collections.abc import Mapping
from typing import Any, Final

from benchmarks import models, runners
from benchmarks.comparison import FASTER, GREEDY, OURS, Bar, Comparison, Runner, ratio
from benchmarks.inputs import Input
from benchmarks.pictures import FPS
from pipeline.core.errors import MissingDependency

_FIGURE: Final = "wall_s"
_THREADS: Final = 2
_DEVICE: Final = "cuda"
_BATCHES: Final = (1, 8, 32)


def compare(
    there: models.SpeechWeights,
    detector: models.ObjectWeights,
    params: Mapping[str, Mapping[str, Any]],
    seconds: int,
) -> list[Comparison]:
    """Return the comparisons; CTranslate2 with 16 bits against torch, and batch sizes.

    Raises:
        MissingDependency: ``no_device``.
    """
    if not shutil.which("nvidia-smi"):
        raise MissingDependency("no_device", "There is no NVIDIA GPU on this machine.")
    speech = {
        OURS: _ours("transcribe", {"model": there.name, **params.get("transcribe", {})}),
        "videodrop, openai-whisper": _ours(
            "transcribe", {"model": str(there.checkpoint), "engine": "openai-whisper"}
        ),
        GREEDY: _theirs(
            "whisper_greedy",
            {"checkpoint": str(there.checkpoint), "alignment": there.alignment},
        ),
        **{f"{FASTER}, batch {batch}": _faster(there, batch) for batch in _BATCHES},
    }
    objects = {
        OURS: _ours("detect", {"model": str(detector.checkpoint), "gate": False}),
        **{
            f"videodrop, batch {batch}": _ours(
                "detect", {"model": str(detector.checkpoint), "gate": False, "batch": batch}
            )
            for batch in _BATCHES
        },
        **{f"YOLO.predict, batch {batch}": _predict(detector, batch) for batch in _BATCHES},
    }
    faster = Bar("greedy whisper.transcribe : ours", ratio(GREEDY, figure=_FIGURE))
    source = Input("talking", seconds)
    return [
        Comparison("gpu, speech", source, speech, (faster,), figure=_FIGURE),
        Comparison("gpu, objects", Input("motion", seconds), objects, figure=_FIGURE),
    ]


def _ours(stage: str, params: Mapping[str, Any]) -> Runner:
    variables = {"VIDEODROP_DEVICE": _DEVICE}
    options = {"stage": stage, "params": dict(params)}
    return runners.job("ours", options, threads=_THREADS, variables=variables)


def _theirs(module: str, options: Mapping[str, Any]) -> Runner:
    chosen = {"device": _DEVICE, **options}
    return runners.job(f"alternatives.{module}", chosen, threads=_THREADS)


def _faster(there: models.SpeechWeights, batch: int) -> Runner:
    packages = models.install_faster_whisper()
    options = {"folder": str(there.folder), "batched": batch > 1, "batch": batch}
    chosen = {"device": _DEVICE, **options}
    module = "alternatives.faster_whisper"
    return runners.job(module, chosen, threads=_THREADS, packages=packages)


def _predict(detector: models.ObjectWeights, batch: int) -> Runner:
    rates = {"fps": 2.0, "rate": FPS, "confidence": 0.25, "iou": 0.7}
    return _theirs(
        "yolo_predict", {"checkpoint": str(detector.checkpoint), "batch": batch, **rates}
    )
