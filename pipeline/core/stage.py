"""The interface of a stage: a pure function from a local video to files and a summary.

A stage is one module with

* ``VERSION: str``: raised when the same input would give a different result;
* ``Params``: a frozen pydantic model, every field with a default;
* ``run(source, params, work, report) -> Result``;
* optionally, for work that several hosts can share, ``plan``, ``run_range`` and ``merge``
  (``Divisible``); ``run`` then is ``in_place.run`` of them;
* optionally ``identity(params) -> dict[str, str]``: the models behind the result (name, sha256,
  engine), which become part of its fingerprint;
* optionally ``prepare(params) -> None``: get the weights, without a device;
* optionally ``warm_up(params) -> None``: load models before the first job;
* optionally ``applies(probe) -> bool``: False for media without the tracks that the stage needs;
  its run ends as skipped.

It does not use S3, SQS or DynamoDB. A topology entry that names the module is enough for the stage
to be queued, hosted, recorded, listed and shown.
"""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core.location import Location
from pipeline.core.media_info import Probe
from pipeline.core.progress import Deadline, Report
from pipeline.core.ranges import Artifact, Part, Parts, Plan, Range, Work

__all__ = [
    "Artifact",
    "Deadline",
    "Divisible",
    "Notice",
    "Report",
    "Result",
    "Source",
    "StageModule",
    "divisible",
    "load",
]


class Source(BaseModel):
    """A video, probed and within limits."""

    model_config = ConfigDict(frozen=True)

    path: Location = Field(description="On the local disk, or served by this process")
    name: str = Field(
        description="The uploader's file name, for messages: a result does not depend on it, since "
        "other uploads with the same bytes have the same result"
    )
    probe: Probe


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
        artifacts: files to publish, all below the work directory; of a merge, its own files without
            those of the parts.
        summary: facts to show without opening a file (kept in the catalog: < 50 KB).
        warnings: what was left out and why, and other notices.
        labels: search labels of the video.
        interim: names of files that only pieces of artifacts read; see ``Part.interim``.
    """

    artifacts: list[Artifact]
    interim: list[str] = []
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

    def prepare(self, params: Any) -> None:
        """Get and check the weights, without a device."""

    def warm_up(self, params: Any) -> None:
        """Load the models before the first job, which would otherwise wait for them."""

    def applies(self, probe: Probe) -> bool:
        """Return False for media without the tracks that the stage needs."""


class Divisible(Protocol):
    """The functions of a stage whose work can be divided into ranges."""

    def plan(self, source: Source, params: Any, report: Report) -> Plan:
        """Divide the work on ``source``; equal input gives an equal plan on every host."""

    def run_range(
        self,
        source: Source,
        params: Any,
        plan: Plan,
        range_: Range,
        parts: Parts,
        work: Work,
        report: Report,
    ) -> Part:
        """Do the work of one range; ``parts`` are those of earlier phases."""

    def merge(
        self, source: Source, params: Any, plan: Plan, parts: Parts, work: Path, report: Report
    ) -> Result:
        """Write what all parts together make below ``work``; they may lie on other hosts.

        The same parts give the same bytes: after a pause of one worker it may run twice at once.
        """


def divisible(module: StageModule) -> Divisible | None:
    """Return a stage as one whose work can be divided; None if it cannot."""
    return cast("Divisible", module) if hasattr(module, "plan") else None


def lacking(module: StageModule) -> dict[str, str]:
    """Return the Python packages that a stage needs and this host lacks, each with its extra.

    A stage names its packages, by their names in imports, in ``PACKAGES``.
    """
    needed: dict[str, str] = getattr(module, "PACKAGES", {})
    return {name: extra for name, extra in needed.items() if find_spec(name) is None}


def load(module: str) -> StageModule:
    """Import a stage module by its dotted name and add defaults for optional functions.

    Stage modules import nothing heavy at module level, so this is cheap.
    """
    found: ModuleType = importlib.import_module(module)
    defaults: dict[str, Callable[[Any], Any]] = {
        "identity": lambda _: {},
        "prepare": lambda _: None,
        "warm_up": lambda _: None,
        "applies": lambda _: True,
    }
    for name, default in defaults.items():
        if not hasattr(found, name):
            setattr(found, name, default)
    return cast("StageModule", found)
