"""Readers of ``detections.json`` and ``tracks.json`` as streams.

Hours of video make them large. ``json_array`` writes one item per line, so only one line at a time
is held in memory.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel, Field

_TIME = re.compile(rb'\{"time": (\d+(?:\.\d+)?),')

Box = tuple[float, float, float, float]


class Detection(BaseModel):
    """One object in one frame."""

    label: str
    confidence: float
    box: Box = Field(description="Left, top, right, bottom in pixels of the source as displayed")
    track: int | None = Field(None, description="Id of the object, the same in all its frames")


class Frame(BaseModel):
    """One sampled frame."""

    time: float = Field(description="Seconds from the start of the video")
    objects: list[Detection]


class BestSight(BaseModel):
    """The detection of an object with the highest confidence."""

    time: float
    confidence: float
    box: Box


class Track(BaseModel):
    """One object from its first to its last detection; times in seconds."""

    id: int
    label: str
    start: float
    end: float
    frames: int = Field(description="Number of frames with the object")
    best: BestSight


@dataclass(frozen=True)
class Wanted:
    """A filter of detections; the defaults leave nothing out.

    Attributes:
        label: compared without regard to case.
        start: seconds; leaves out what ends earlier.
        end: seconds; leaves out what begins later.
        min_confidence: 0 to 1; compared with the highest confidence of a track.
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
        """Yield frames of ``detections.json`` with matching objects, and their index in it."""
        for index, line in enumerate(items(chunks)):
            # Most lines before a place late in a long video: parsing them all takes a second.
            if (early := _TIME.match(line)) and float(early[1]) < self.start:
                continue
            frame = Frame.model_validate_json(line)
            if frame.time > self.end:
                return  # frames come in order of time
            found = [one for one in frame.objects if self._passes(one.label, one.confidence)]
            if found and frame.time >= self.start:
                yield index, Frame(time=frame.time, objects=found)

    def tracks(self, chunks: Iterable[bytes]) -> Iterator[tuple[int, Track]]:
        """Yield matching tracks of ``tracks.json``, and their index in it."""
        for index, line in enumerate(items(chunks)):
            track = Track.model_validate_json(line)
            meets = track.start <= self.end and track.end >= self.start
            if meets and self._passes(track.label, track.best.confidence):
                yield index, track


def items(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the lines between the first and the last, each one item of the array."""
    rest = b""
    head = True
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if head:
                head = False
            elif line and line != b"]}":
                yield line.rstrip(b",")
