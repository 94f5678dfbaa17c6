"""The findings of a range: the names of its interim files, and what else the merge has to know."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from pipeline.core.ranges import Range
from pipeline.core.stage import Notice
from pipeline.stages import notices as shared
from pipeline.stages.detect.candidates import Candidate


class Findings(BaseModel):
    """The findings of a range, as the merge needs them.

    Attributes:
        frames: the file with its detections; see ``interim``.
        tiles: the file with its tiles for the contact sheet; see ``candidates``.
        candidates: of each tile.
        errors: the number of the decoder's error lines.
        notices: about the model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frames: str
    tiles: str
    candidates: tuple[Candidate, ...]
    errors: int
    notices: tuple[Notice, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of its files."""
        return (self.frames, self.tiles) if self.candidates else (self.frames,)


def warnings(found: Sequence[tuple[Range, Findings]]) -> list[Notice]:
    """Return the notices of a video, each once; of several ranges, with the damaged times."""
    notices = [notice for _, findings in found for notice in findings.notices]
    once = [one for place, one in enumerate(notices) if one not in notices[:place]]
    damaged = [range_ for range_, findings in found if findings.errors]
    if not damaged:
        return once
    times = shared.where(damaged, of=len(found))
    message = f"Parts of the video are damaged{times}; objects may be missing there."
    return [*once, Notice(code="damaged_video", message=message)]
