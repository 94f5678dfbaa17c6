"""The run of all ranges of a plan in one process, one after another."""

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from pipeline.core.progress import Report, Step
from pipeline.core.ranges import Artifact, Part, Plan, Range, Work
from pipeline.core.stage import Divisible, Result, Source

_TAG = "1"
_CHUNK = 1 << 20
_MERGE = 0.05  # of the progress


class Local(NamedTuple):
    """A part that was made on this host."""

    range: Range
    part: Part
    folder: Path

    def file(self, name: str) -> Path:
        """Return a file of the run."""
        return self.folder / name


def run(
    stage: Divisible,
    source: Source,
    params: BaseModel,
    work: Path,
    report: Report,
    plan: Plan | None = None,
) -> Result:
    """Run all ranges of a stage and merge them.

    Args:
        stage: the stage.
        source: the video.
        params: parameters of the stage.
        work: an empty directory; the files of the result are below it afterwards.
        report: the progress.
        plan: of this source with these parameters, if it was made already.

    Returns:
        the result; its artifacts are those of the parts, then those of the merge.
    """
    plan = plan or stage.plan(source, params, report)
    width = (1 - _MERGE) / len(plan.ranges)
    made: list[Local] = []
    for number, range_ in enumerate(plan.ranges):
        earlier = [one for one in made if range_.reads(one.range)]
        step = Step(report, number * width, width)
        place = Work(work, f"{range_.name}-{_TAG}")
        part = stage.run_range(source, params, plan, range_, earlier, place, step)
        made.append(Local(range_, part, work))
    result = stage.merge(source, params, plan, made, work, Step(report, 1 - _MERGE, _MERGE))
    artifacts = [a for one in made for a in one.part.artifacts] + result.artifacts
    for artifact in artifacts:
        if artifact.pieces:
            _join(artifact, work)
    for name in [name for one in made for name in one.part.interim] + result.interim:
        (work / name).unlink()
    plain = [one.model_copy(update={"pieces": ()}) for one in artifacts]
    return result.model_copy(update={"artifacts": plain, "interim": []})


def _join(artifact: Artifact, work: Path) -> None:
    """Write an artifact that consists of pieces of other files."""
    with (work / artifact.name).open("wb") as whole:
        for piece in artifact.pieces:
            with (work / piece.name).open("rb") as file:
                file.seek(piece.start)
                left = piece.size
                while left and (data := file.read(min(left, _CHUNK))):
                    whole.write(data)
                    left -= len(data)
