"""The division of a stage's work into ranges, and what each of them makes.

    plan → the ranges of each phase, in any order and on any host → merge

A long film is one range after another on one host, or all at once on many. Ranges have fixed
lengths, which are parameters of the stage: equal input gives equal ranges on every host.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

MERGE = "merge"
"""The name under which the merge is recorded, as a range; no range of a plan has it."""
_NAME = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Piece(_Frozen):
    """Consecutive bytes of another file of the same result.

    Attributes:
        name: of an artifact or an interim file.
        start: offset of the first byte.
        size: number of bytes.
    """

    name: str
    start: int
    size: int


class Artifact(_Frozen):
    """One file that a stage wrote below its work directory.

    Attributes:
        name: path below the work directory, with forward slashes.
        media_type: its Content-Type.
        role: its purpose, by which readers look it up, e.g. ``hls_master``, ``poster``,
            ``captions_vtt``. Several files may share a role (segments).
        pieces: the content, if the stage wrote no such file: it is joined from these, in order.
            Where they lie in S3, they are copied there.
    """

    name: str
    media_type: str
    role: str
    pieces: tuple[Piece, ...] = ()


class Range(_Frozen):
    """A part of a stage's work, done by one worker.

    Attributes:
        name: unique in its plan, e.g. ``picture-0003``.
        start_s: start on the media's timeline, seconds.
        end_s: its end.
        phase: it begins when all ranges of earlier phases have ended.
        needs: names of the ranges of earlier phases whose parts it reads; None for all.
    """

    name: str = Field(pattern=_NAME)
    start_s: float
    end_s: float
    phase: int = 0
    needs: tuple[str, ...] | None = None

    def reads(self, other: "Range") -> bool:
        """Return True if it reads the part of another range."""
        return other.phase < self.phase and (self.needs is None or other.name in self.needs)


class Plan(_Frozen):
    """The ranges of a run, and what was decided once for all of them.

    Attributes:
        ranges: in order of phase, then of time.
        data: the stage's own, the same for all ranges.
    """

    ranges: tuple[Range, ...]
    data: dict[str, JsonValue] = {}

    @field_validator("ranges")
    @classmethod
    def _distinct(cls, ranges: tuple[Range, ...]) -> tuple[Range, ...]:
        names = [one.name for one in ranges]
        if not names or len({*names, MERGE}) != len(names) + 1:
            raise ValueError(f"a plan has ranges, of distinct names other than {MERGE!r}")
        return ranges

    @property
    def spreads(self) -> bool:
        """Return True if several workers can begin at once."""
        return sum(one.phase == self.ranges[0].phase for one in self.ranges) > 1


class Part(_Frozen):
    """The output of a range.

    Attributes:
        artifacts: files of the result, below the work directory.
        interim: names of files that only later ranges and the merge read. They are deleted once the
            run has ended.
        data: the stage's own, for later ranges and the merge.
    """

    artifacts: tuple[Artifact, ...] = ()
    interim: tuple[str, ...] = ()
    data: dict[str, JsonValue] = {}


class Work(NamedTuple):
    """The place where a range writes.

    Attributes:
        folder: a directory, which other ranges of the same run may share.
        tag: part of the name of every file that a range writes there. Another attempt at the same
            range has another tag, so attempts never overwrite each other's files.
    """

    folder: Path
    tag: str


class Made(Protocol):
    """A part that was made, on this host or on another."""

    @property
    def range(self) -> Range:
        """Return the range that made it."""

    @property
    def part(self) -> Part:
        """Return the part."""

    def file(self, name: str) -> Path:
        """Return a local copy of a file of the run, which must not be changed."""


Parts = Sequence[Made]
"""The parts of all earlier phases, in the order of the plan."""
