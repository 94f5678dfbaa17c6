"""A tracker of objects from one sampled frame to the next.

Frames are half a second apart, so boxes of one object often do not overlap. An object's next place
is predicted from its last movement. The cost of a box grows with its distance from there (in units
of its own size) and with its difference in size. Each frame's boxes are assigned to the tracks of
the same label so that the sum of costs is least (linear assignment).

Detectors waver: a car seen from above is a bus in one frame and a suitcase in the next. So a box
that is left may continue a track of another label, if it is very near the predicted place. A
track has the label that was found with the most confidence in total.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.stages.detect.engine import Box, Detection

_NEW_REACH = 2.5
"""Largest distance, in diagonals of the box, that an object of unknown movement can move."""

_REACH = 1.25
"""Largest distance, in diagonals, of an object from its predicted place."""

_OTHER_LABEL = 2.5
"""Factor of the cost of a box with another label."""

_SIZE_WEIGHT = 0.5
_INERTIA = 0.5


@dataclass
class Track:
    """One object over time; times in seconds, boxes in pixels of the source."""

    id: int
    start: float
    end: float
    frames: int
    box: Box
    velocity: tuple[float, float] = field(default=(0.0, 0.0))
    _sums: dict[str, float] = field(default_factory=dict)
    _bests: dict[str, tuple[Detection, float]] = field(default_factory=dict)

    @classmethod
    def begin(cls, number: int, time: float, found: Detection) -> "Track":
        """Return the track of an object that is seen for the first time."""
        track = cls(number, time, time, 1, found.box)
        track._count(time, found)
        return track

    @property
    def label(self) -> str:
        """Return the label with the highest sum of confidences."""
        return max(self._sums, key=self._sums.__getitem__)

    @property
    def best(self) -> Detection:
        """Return the detection with that label and the highest confidence."""
        return self._bests[self.label][0]

    @property
    def best_time(self) -> float:
        """Return the time of the best detection."""
        return self._bests[self.label][1]

    def cost(self, time: float, box: Box) -> float:
        """Return the cost of ``box`` as this object at ``time``; above 1 it is another object."""
        elapsed = time - self.end
        (x, y), (vx, vy), (to_x, to_y) = _center(self.box), self.velocity, _center(box)
        away = math.hypot(x + vx * elapsed - to_x, y + vy * elapsed - to_y)
        scale = (_diagonal(self.box) + _diagonal(box)) / 2
        shape = abs(math.log(_diagonal(box) / _diagonal(self.box)))
        reach = _REACH if self.frames > 1 else _NEW_REACH
        return (away / scale + _SIZE_WEIGHT * shape) / reach

    def extend(self, time: float, detection: Detection) -> None:
        """Add the object's detection in a later frame."""
        elapsed = time - self.end
        (x, y), (to_x, to_y) = _center(self.box), _center(detection.box)
        seen = ((to_x - x) / elapsed, (to_y - y) / elapsed)
        keep = _INERTIA if self.frames > 1 else 0.0
        self.velocity = (
            keep * self.velocity[0] + (1 - keep) * seen[0],
            keep * self.velocity[1] + (1 - keep) * seen[1],
        )
        self.box, self.end = detection.box, time
        self.frames += 1
        self._count(time, detection)

    def _count(self, time: float, found: Detection) -> None:
        self._sums[found.label] = self._sums.get(found.label, 0.0) + found.confidence
        best = self._bests.get(found.label)
        if best is None or found.confidence > best[0].confidence:
            self._bests[found.label] = (found, time)


class Tracker:
    """The tracks over a stream of frames; holds only those that may continue.

    Args:
        gap_s: longest time for which a track may continue without a detection.
    """

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._live: list[Track] = []
        self._count = 0

    def update(self, time: float, detections: Sequence[Detection]) -> tuple[list[int], list[Track]]:
        """Add the next frame.

        Returns:
            the track id of each detection, and the tracks that have ended.
        """
        ended = [track for track in self._live if time - track.end > self._gap_s]
        self._live = [track for track in self._live if time - track.end <= self._gap_s]
        taken: dict[int, Track] = {}
        for label in sorted({detection.label for detection in detections}):
            places = [i for i, detection in enumerate(detections) if detection.label == label]
            tracks = [t for t in self._live if t.label == label and t.end < time]
            taken |= _continued(time, tracks, detections, places, 1.0)
        left = [i for i in range(len(detections)) if i not in taken]
        # What was seen once may be anything: its movement is not known.
        tracks = [t for t in self._live if t.end < time and t.frames > 1]
        taken |= _continued(time, tracks, detections, left, _OTHER_LABEL)
        for place, found in enumerate(detections):
            if place not in taken:
                taken[place] = self._begin(time, found)
        return [taken[place].id for place in range(len(detections))], ended

    def finish(self) -> list[Track]:
        """Return the tracks that continued to the end."""
        ended, self._live = self._live, []
        return ended

    def _begin(self, time: float, found: Detection) -> Track:
        self._count += 1
        track = Track.begin(self._count, time, found)
        self._live.append(track)
        return track


def _continued(
    time: float,
    tracks: Sequence[Track],
    detections: Sequence[Detection],
    places: Sequence[int],
    factor: float,
) -> dict[int, Track]:
    """Extend tracks by the detections at ``places``; return the track of each that did."""
    costs = [[factor * track.cost(time, detections[i].box) for i in places] for track in tracks]
    matches = {places[column]: tracks[row] for row, column in _assign(costs)}
    for place, track in matches.items():
        track.extend(time, detections[place])
    return matches


def _assign(costs: list[list[float]]) -> list[tuple[int, int]]:
    """Return pairs of (row, column) with the least sum of costs, each at most 1."""
    if not (costs and costs[0]):
        return []
    import lap  # noqa: PLC0415 - imports numpy, which stage modules do not at module level
    import numpy as np  # noqa: PLC0415 - see above

    _, columns, _ = lap.lapjv(np.array(costs), extend_cost=True, cost_limit=1.0)
    return [(row, int(column)) for row, column in enumerate(columns) if column >= 0]


def _center(box: Box) -> tuple[float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _diagonal(box: Box) -> float:
    return max(1.0, math.hypot(box[2] - box[0], box[3] - box[1]))
