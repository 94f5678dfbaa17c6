"""A fifth stage as a plug-in: this file and one topology entry."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core.location import size_of
from pipeline.core.stage import Artifact, Report, Result, Source

VERSION = "1"


class Params(BaseModel):
    model_config = ConfigDict(frozen=True)

    text: str = "hello"
    repeat: int = Field(1, ge=1, le=10)


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    (work / "toy.txt").write_text(params.text * params.repeat)
    report(1)
    return Result(
        artifacts=[Artifact(name="toy.txt", media_type="text/plain", role="toy_text")],
        summary={"name": source.name, "bytes": size_of(source.path)},
        labels=[params.text],
    )
