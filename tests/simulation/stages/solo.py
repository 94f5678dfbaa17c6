"""A stage whose work is one range: it writes a transcript that holds its content."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.core.stage import Artifact, Report, Result, Source
from tests.simulation.stages import mood

VERSION = "1"


class Params(BaseModel):
    """The parameters."""

    model_config = ConfigDict(frozen=True)

    word: str = "plain"


def text(content: bytes, params: Params) -> str:
    return f"{content.decode()} {params.word}"


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    content = Path(source.path).read_bytes()
    mood.spend(content, report)
    said = text(content, params)
    segment = {"text": said, "start": 0, "end": 1, "probability": 1, "language": "en"}
    transcript = {
        "task": "transcribe",
        "language": "en",
        "language_probability": 1,
        "duration": 1,
        "model": {"name": "a", "sha256": "b", "engine": "c", "engine_version": "d"},
        "segments": [segment],
    }
    (work / "transcript.json").write_text(json.dumps(transcript))
    return Result(
        artifacts=[
            Artifact(name="transcript.json", media_type="application/json", role="transcript_json")
        ],
        summary={"text": said},
        labels=[params.word],
    )
