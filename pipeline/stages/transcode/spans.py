"""The spans of time that a picture is divided into, on the grid of segments and keyframes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.media_info import Probe
from pipeline.core.ranges import Range

# Timestamps are rounded: a frame half a millisecond before a boundary counts as on it.
ROUNDING_S = 0.0005
# Later pictures are filled from 0 on, which needs their first frame.
_LATEST_S = 1.0


@dataclass(frozen=True)
class Span:
    """A part of the time of a film.

    Attributes:
        start_s: its first frame is the first one at or after this time.
        end_s: the first frame at or after this time belongs to the next span.
        film_s: duration of the film.
    """

    start_s: float
    end_s: float
    film_s: float

    @property
    def first(self) -> bool:
        """Return whether the film begins here."""
        return self.start_s == 0

    @property
    def last(self) -> bool:
        """Return whether the film ends here."""
        return self.end_s >= self.film_s

    @property
    def whole(self) -> bool:
        """Return whether it is the whole film."""
        return self.first and self.last

    def multiples(self, every_s: float) -> list[float]:
        """Return the multiples of ``every_s`` within, the start and the end included."""
        first = math.ceil((self.start_s + ROUNDING_S) / every_s)
        after = math.ceil((self.end_s - ROUNDING_S) / every_s)
        return [self.start_s, *(n * every_s for n in range(first, after)), self.end_s]


def of(range_: Range, probe: Probe) -> Span:
    """Return the span of a range."""
    return Span(range_.start_s, range_.end_s, probe.duration_s)


def divided(probe: Probe, *, range_s: float, segment_s: float, gop_s: float) -> list[float]:
    """Return where the spans of a film begin: 0 alone, or also keyframes of segments.

    Each is one of ``grid``.
    """
    video = probe.video
    if video is None or not probe.seeks or video.start_s > _LATEST_S:
        return [0.0]
    starts = grid(probe.duration_s, range_s=range_s, segment_s=segment_s)
    return [math.ceil(start_s / gop_s - 1e-9) * gop_s for start_s in starts]


def grid(film_s: float, *, range_s: float, segment_s: float) -> list[float]:
    """Return the multiples of ``range_s``, rounded up to whole segments, where ranges begin.

    The rest joins the last one if it is shorter than half of that.
    """
    step_s = math.ceil(range_s / segment_s - 1e-9) * segment_s
    count = max(1, math.floor(film_s / step_s + 0.5))
    return [number * step_s for number in range(count)]


def on_keyframes(starts: Sequence[float], keys: Sequence[float]) -> list[float]:
    """Return the first keyframe at or after each start; 0 stays."""
    found = [0.0]
    at = 0
    for start in starts[1:]:
        while at < len(keys) and keys[at] < start - ROUNDING_S:
            at += 1
        if at < len(keys) and keys[at] > found[-1]:
            found.append(keys[at])
    return found
