"""What was seen in a video, read from ``detections.json`` and ``tracks.json`` as they stream in.

Hours of video make them large. ``json_array`` writes them with one item a line,
so one line at a time is all that is held.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, Field

Box = tuple[float, float, float, float]


class Detection(BaseModel):
    """One object in one frame."""

    label: str
    confidence: float
    box: Box = Field(description="Left, top, right, bottom in pixels of the source as displayed")
    track: int | None = Field(None, description="The same for one object in all its frames")


class Frame(BaseModel):
    """One frame that was looked at."""

    time: float = Field(description="Seconds from the start of the video")
    objects: list[Detection]


class BestSight(BaseModel):
    """When an object was seen best."""

    time: float
    confidence: float
    box: Box


class Track(BaseModel):
    """One object from where it appears to where it is lost; times in seconds."""

    id: int
    label: str
    start: float
    end: float
    frames: int = Field(description="In how many frames it was seen")
    best: BestSight


@dataclass(frozen=True)
class Wanted:
    """Which detections are asked for; the defaults leave nothing out.

    Attributes:
        label: in any case.
        start: seconds; nothing that ends earlier.
        end: seconds; nothing that begins later.
        min_confidence: 0 to 1; of a track, at its best.
    """

    label: str | None = None
    start: float = 0.0
    end: float = float("inf")
    min_confidence: float = 0.0

    def _passes(self, label: str, confidence: float) -> bool:
        return confidence >= self.min_confidence and (
            self.label is None or self.label.lower() == label.lower()
        )

    def frames(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, Frame]]:
        """Frames of ``detections.json`` that show something wanted, and their index in it."""
        for index, line in enumerate(items(chunks)):
            frame = Frame.model_validate_json(line)
            if frame.time > self.end:
                return  # frames come in order of time
            found = [one for one in frame.objects if self._passes(one.label, one.confidence)]
            if found and frame.time >= self.start:
                yield index, Frame(time=frame.time, objects=found)

    def tracks(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, Track]]:
        """Tracks of ``tracks.json`` that are wanted, and their index in it."""
        for index, line in enumerate(items(chunks)):
            track = Track.model_validate_json(line)
            meets = track.start <= self.end and track.end >= self.start
            if meets and self._passes(track.label, track.best.confidence):
                yield index, track


def items(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines between the first and the last, each one item of the array."""
    rest = b""
    head = True
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if head:
                head = False
            elif line and line != b"]}":
                yield line.rstrip(b",")
