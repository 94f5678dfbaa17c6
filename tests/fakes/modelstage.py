"""A stage with a model: its result says which one, and that of a demonstration model says so."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pipeline.core.progress import Report
from pipeline.core.stage import Artifact, Result, Source
from pipeline.stages import notices
from pipeline.stages.models import weights

VERSION = "1"


class Params(BaseModel):
    model_config = ConfigDict(frozen=True)

    model: str = "auto"


def identity(params: Params) -> dict[str, str]:
    model = weights.choose(params.model, "objects")
    return {"model": model, "sha256": weights.digest(model)}


def warm_up(params: Params) -> None:
    weights.resolve(weights.choose(params.model, "objects", try_fetch=True))


def run(source: Source, params: Params, work: Path, report: Report) -> Result:  # noqa: ARG001 - the interface of stages
    found = weights.resolve(weights.choose(params.model, "objects"))
    said: dict[str, Any] = {"model": found.name}
    (work / "model.json").write_text(json.dumps(said))
    return Result(
        artifacts=[Artifact(name="model.json", media_type="application/json", role="model")],
        summary=said,
        warnings=notices.demo(found),
    )
