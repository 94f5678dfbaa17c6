"""The work on a video: its stages, their ranges, and what each of them does."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["first", "picture", "sound", "merge", "packets"]
KINDS: Final[tuple[Kind, ...]] = ("first", "picture", "sound", "merge", "packets")


@dataclass(frozen=True, slots=True)
class Video:
    """An upload.

    Attributes:
        number: identifies it.
        at: the time of its event, seconds.
        seconds: its length.
        height: of its picture.
        kind: its name in the mix.
    """

    number: int
    at: float
    seconds: float
    height: int
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """The division of a stage.

    Attributes:
        range_s: length of a range; infinite for one pass.
        sound_s: length of a range of sound, after all others; 0 for none, infinite for one.
        files: that a range writes.
        merged_files: that the merge writes.
        copies: files of each range that the merge joins to another file.
    """

    range_s: float
    sound_s: float = 0.0
    files: int = 1
    merged_files: int = 1
    copies: int = 0


SHAPES: Final[Mapping[str, Shape]] = {
    "transcode": Shape(90.0, sound_s=600.0, files=4, merged_files=7, copies=1),
    "thumbnail": Shape(1800.0, files=1, merged_files=6),
    "transcribe": Shape(300.0, files=1, merged_files=4),
    "detect": Shape(300.0, files=1, merged_files=3),
}
"""The stages; the lengths are the defaults of their parameters."""


@dataclass(slots=True)
class Run:
    """A stage of a video.

    Attributes:
        video: the video.
        stage: the stage.
        ranges: their lengths, in order; one if the work is done in place.
        sounds: lengths of the ranges of sound that follow them.
        left: ranges that have not ended.
        ended: ranges that have ended.
        state: its state.
        finished: the time of its end.
    """

    video: Video
    stage: str
    ranges: Sequence[float]
    sounds: Sequence[float] = ()
    left: int = 0
    ended: int = 0
    state: Literal["running", "succeeded", "failed"] = "running"
    finished: float = 0.0

    @property
    def spreads(self) -> bool:
        """Return True if several workers can begin at once."""
        return len(self.ranges) > 1


@dataclass(frozen=True, slots=True)
class Task:
    """The work that a message requests.

    Attributes:
        run: the run.
        kind: the step of it.
        seconds: media that the step covers.
        index: of the range in its plan.
    """

    run: Run
    kind: Kind
    seconds: float
    index: int = 0


def divided(video: Video, stage: str, shape: Shape) -> Run:
    """Return the run of a stage with its ranges; a rest below half a range joins the last one."""
    ranges = _lengths(video.seconds, shape.range_s)
    sounds = _lengths(video.seconds, shape.sound_s) if len(ranges) > 1 and shape.sound_s else ()
    return Run(video, stage, ranges, sounds)


def _lengths(seconds: float, range_s: float) -> list[float]:
    count = max(1, math.floor(seconds / range_s + 0.5))
    return [range_s] * (count - 1) + [seconds - (count - 1) * range_s if count > 1 else seconds]
