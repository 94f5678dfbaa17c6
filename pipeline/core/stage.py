"""The interface of a stage: a pure function from a local video to files and a summary.

A stage is one module with

* ``VERSION: str``: raised when the same input would give a different result;
* ``Params``: a frozen pydantic model, every field with a default;
* ``run(source, params, work, report) -> Result``;
* optionally ``identity(params) -> dict[str, str]``: the models behind the result (name, sha256,
  engine), which become part of its fingerprint;
* optionally ``warm_up(params) -> None``: load models before the first job.

It does not use S3, SQS or DynamoDB. A topology entry that names the module is enough for the stage
to be queued, hosted, recorded, listed and shown.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core.media_info import Probe
from pipeline.core.progress import Deadline, Report

__all__ = ["Artifact", "Deadline", "Notice", "Report", "Result", "Source", "StageModule", "load"]


class Source(BaseModel):
    """A video on the local disk, probed and within limits."""

    model_config = ConfigDict(frozen=True)

    path: Path
    name: str = Field(description="The uploader's file name, for messages and titles")
    probe: Probe


class Artifact(BaseModel):
    """One file that a stage wrote below its work directory.

    Attributes:
        name: path below the work directory, with forward slashes.
        media_type: its Content-Type.
        role: its purpose, by which readers look it up, e.g. ``hls_master``, ``poster``,
            ``captions_vtt``. Several files may share a role (segments).
    """

    name: str
    media_type: str
    role: str


class Notice(BaseModel):
    """A notice about a run that succeeded.

    Attributes:
        code: a stable word for programs.
        message: a sentence for people.
        level: ``warning``: something that users expect is missing; ``info``: something they should
            know, which leaves the video's status as it is.
    """

    code: str
    message: str
    level: Literal["warning", "info"] = "warning"


class Result(BaseModel):
    """The output of a stage run.

    Attributes:
        artifacts: files to publish, all below the work directory.
        summary: facts to show without opening a file (kept in the catalog: < 50 KB).
        warnings: what was left out and why, and other notices.
        labels: search labels of the video.
    """

    artifacts: list[Artifact]
    summary: dict[str, JsonValue] = {}
    warnings: list[Notice] = []
    labels: list[str] = []


class StageModule(Protocol):
    """The static type of a stage module; ``load`` returns one."""

    VERSION: str
    Params: type[BaseModel]

    def run(self, source: Source, params: Any, work: Path, report: Report) -> Result:
        """Write files below ``work``, an empty directory, and return a record of them."""

    def identity(self, params: Any) -> dict[str, str]:
        """Return the models and engines that make a result with ``params``; loads none."""

    def warm_up(self, params: Any) -> None:
        """Load the models before the first job, which would otherwise wait for them."""


def load(module: str) -> StageModule:
    """Import a stage module by its dotted name and add defaults for optional functions.

    Stage modules import nothing heavy at module level, so this is cheap.
    """
    found: ModuleType = importlib.import_module(module)
    for name, default in (("identity", lambda _: {}), ("warm_up", lambda _: None)):
        if not hasattr(found, name):
            setattr(found, name, default)
    return cast("StageModule", found)
