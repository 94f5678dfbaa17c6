"""The committed sample, processed by the real stages, with what is truly said and seen in it."""

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
from tests.fakes.seed import Seed

VIDEO = Path(__file__).parents[2] / "samples" / "landscape.mp4"

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


def process(folder: Path) -> Mapping[str, tuple[Result, Path]]:
    """Run the stages, but for the speech: a transcript of the truth needs no model."""
    source = Source(path=VIDEO, name=VIDEO.name, probe=probe(VIDEO))
    made = {}
    for name, (stage, params) in _STAGES.items():
        work = folder / name
        work.mkdir()
        made[name] = (stage.run(source, stage.Params(**params), work, Deadline(300)), work)
    return made


def store(seed: Seed, made: Mapping[str, tuple[Result, Path]], name: str) -> Upload:
    """Store the results as those of an upload a moment ago."""
    upload = seed.upload(name, at=datetime.now(UTC))
    seed.probe(upload, probe(VIDEO))
    for stage, (result, work) in made.items():
        files = {
            one.name: (one.role, one.media_type, (work / one.name).read_bytes())
            for one in result.artifacts
        }
        seed.succeed(
            upload, stage, files, labels=tuple(result.labels), summary=dict(result.summary)
        )
    seed.say(upload, transcript())
    return upload


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
