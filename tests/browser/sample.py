"""Committed samples, processed by the real stages, with what is truly said and seen in them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.events import Upload
from pipeline.core.stage import Deadline, Result, Source
from pipeline.media.probe import probe
from pipeline.stages.detect import stage as detect
from pipeline.stages.thumbnail import stage as thumbnail
from pipeline.stages.transcode import stage as transcode
from samples import generate
from samples.scenes import Seen
from tests.fakes.seed import Seed

SAMPLES = Path(__file__).parents[2] / "samples"
VIDEO = SAMPLES / "landscape.mp4"
SILENT = SAMPLES / "silent.mp4"

_STAGES: dict[str, tuple[Any, dict[str, Any]]] = {
    "transcode": (transcode, {"rungs": (360, 180), "segment_s": 2}),
    "thumbnail": (thumbnail, {}),
    "detect": (detect, {"model": "yolo-shapes"}),
}


@cache
def truth() -> dict[str, Any]:
    """Return what is said and seen, and when."""
    text = VIDEO.with_suffix(".truth.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def process(video: Path, folder: Path) -> Mapping[str, tuple[Result, Path]]:
    """Run the stages, but for the speech: a transcript of the truth needs no model."""
    source = Source(path=video, name=video.name, probe=probe(video))
    made = {}
    for name, (stage, params) in _STAGES.items():
        work = folder / video.stem / name
        work.mkdir(parents=True)
        made[name] = (stage.run(source, stage.Params(**params), work, Deadline(300)), work)
    return made


def store(
    seed: Seed, made: Mapping[str, tuple[Result, Path]], name: str, video: Path = VIDEO
) -> Upload:
    """Store the results as those of an upload a moment ago."""
    upload = seed.upload(name, at=datetime.now(UTC))
    seed.probe(upload, probe(video))
    for stage, (result, work) in made.items():
        files = {
            one.name: (one.role, one.media_type, (work / one.name).read_bytes())
            for one in result.artifacts
        }
        seed.succeed(
            upload, stage, files, labels=tuple(result.labels), summary=dict(result.summary)
        )
    if video == VIDEO:
        seed.say(upload, transcript())
    return upload


def in_view(sample: str, fps: int = 15) -> list[tuple[float, int, list[Seen]]]:
    """Return time, frames to the nearest cut and the true objects of each frame of a sample."""
    (made,) = (one for one in generate.SAMPLES if one.name == sample)
    frames: list[tuple[float, int, list[Seen]]] = []
    for shot in made.shots():
        first = len(frames)
        frames += [
            ((first + number) / fps, min(number, shot.count - 1 - number), shot.seen(number))
            for number in range(shot.count)
        ]
    return frames


def transcript() -> dict[str, Any]:
    """Return the true transcript."""
    left = [one | {"probability": 0.95} for one in truth()["words"]]
    segments = []
    for sentence in truth()["sentences"]:
        count = len(sentence["text"].split())
        words, left = left[:count], left[count:]
        spoken = [{**word, "text": f" {word['word']}"} for word in words]
        segments.append({**sentence, "probability": 0.95, "words": spoken})
    model = {"name": "truth", "sha256": "0" * 64, "engine": "none", "engine_version": "1"}
    return {
        "task": "transcribe",
        "language": "en",
        "language_probability": 1.0,
        "duration": truth()["seconds"],
        "model": model,
        "segments": segments,
    }
