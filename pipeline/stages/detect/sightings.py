"""A summary of each label over the whole video."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from pipeline.stages.detect.engine import Detection
from pipeline.stages.detect.tracker import Track


@dataclass
class _Seen:
    frames: int = 0
    tracks: int = 0
    best_confidence: float = 0.0
    best_time: float = 0.0
    intervals: list[list[float]] = field(default_factory=list)


class Sightings:
    """The counts, best detection and intervals of each label.

    Args:
        gap_s: detections at most this far apart are one interval.
    """

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._labels: dict[str, _Seen] = {}

    def frame(self, time: float, detections: Sequence[Detection]) -> None:
        """Add one frame."""
        for found in detections:
            seen = self._labels.setdefault(found.label, _Seen())
            if found.confidence > seen.best_confidence:
                seen.best_confidence, seen.best_time = found.confidence, time
        for label in {found.label for found in detections}:
            seen = self._labels[label]
            seen.frames += 1
            seen.intervals.append([time, time])
            seen.intervals[-2:] = _merged(seen.intervals[-2:], self._gap_s)

    def ended(self, track: Track) -> None:
        """Count one object."""
        self._labels[track.label].tracks += 1

    def summary(self, most: int) -> dict[str, JsonValue]:
        """Return the labels in order, with at most about ``most`` intervals in total.

        Above that, the closest intervals are joined. Details are in the tracks.
        """
        gap_s = self._gap_s
        while sum(len(seen.intervals) for seen in self._labels.values()) > most:
            gap_s *= 2
            if all(len(seen.intervals) == 1 for seen in self._labels.values()):
                break
            for seen in self._labels.values():
                seen.intervals = _merged(seen.intervals, gap_s)
        return {
            label: {
                "frames": seen.frames,
                "tracks": seen.tracks,
                "best_confidence": seen.best_confidence,
                "best_time": round(seen.best_time, 3),
                "intervals": [[round(start, 3), round(end, 3)] for start, end in seen.intervals],
            }
            for label, seen in sorted(self._labels.items())
        }


def _merged(intervals: list[list[float]], gap_s: float) -> list[list[float]]:
    joined: list[list[float]] = []
    for start, end in intervals:
        if joined and start - joined[-1][1] <= gap_s:
            joined[-1][1] = end
        else:
            joined.append([start, end])
    return joined
