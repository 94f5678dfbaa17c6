"""What a stage is: a pure function from a local video to files and facts.

A stage is one module with

* ``VERSION: str``: raised whenever the same input would give a different result;
* ``Params``: a frozen pydantic model, every field with a default;
* ``run(source, params, work, report) -> Result``;
* optionally ``identity(params) -> dict[str, str]``: the models behind the result (name, sha256,
  engine), which become part of its fingerprint;
* optionally ``warm_up(params) -> None``: load models before the first job.

It knows nothing of S3, SQS or DynamoDB. A topology entry that names the module is all it takes
for the stage to be queued, hosted, recorded, listed and shown.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core.media_info import Probe
from pipeline.core.progress import Deadline, Report

__all__ = ["Artifact", "Deadline", "Notice", "Report", "Result", "Source", "StageModule", "load"]


class Source(BaseModel):
    """A video on the local disk, already probed and within limits."""

    model_config = ConfigDict(frozen=True)

    path: Path
    name: str = Field(description="The name its uploader knows it by, for messages and titles")
    probe: Probe


class Artifact(BaseModel):
    """One file a stage wrote below its work directory.

    Attributes:
        name: path below the work directory, with forward slashes.
        media_type: its Content-Type.
        role: what it is for, e.g. ``hls_master``, ``poster``, ``captions_vtt``: what readers look
            it up by. Several files may share a role (segments).
    """

    name: str
    media_type: str
    role: str


class Notice(BaseModel):
    """A warning: the run succeeded, but not with everything one might expect."""

    code: str
    message: str


class Result(BaseModel):
    """What a stage run produced.

    Attributes:
        artifacts: files to publish, all below the work directory.
        summary: the few facts worth having without opening a file (kept in the catalog: < 50 KB).
        warnings: what was left out and why.
        labels: words by which the video can be found.
    """

    artifacts: list[Artifact]
    summary: dict[str, JsonValue] = {}
    warnings: list[Notice] = []
    labels: list[str] = []


class StageModule(Protocol):
    """The static face of a stage module; ``load`` gives one."""

    VERSION: str
    Params: type[BaseModel]

    def run(self, source: Source, params: Any, work: Path, report: Report) -> Result:
        """Write files below ``work``, an empty directory, and say what they are."""

    def identity(self, params: Any) -> dict[str, str]:
        """The models and engines behind a result with ``params``; cheap."""

    def warm_up(self, params: Any) -> None:
        """Load what the first job would otherwise wait for."""


def load(module: str) -> StageModule:
    """Import a stage module by its dotted name and fill in what it left out.

    Stage modules import nothing heavy at module level, so this is cheap.
    """
    found: ModuleType = importlib.import_module(module)
    for name, default in (("identity", lambda _: {}), ("warm_up", lambda _: None)):
        if not hasattr(found, name):
            setattr(found, name, default)
    return cast("StageModule", found)
