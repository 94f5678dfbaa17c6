"""The division of a video into ranges whose frames are those of one pass."""

import math
from itertools import pairwise

from pipeline.core.media_info import Probe
from pipeline.core.ranges import Range
from pipeline.media import sections


def ranges(probe: Probe, *, fps: float, range_s: float) -> tuple[Range, ...]:
    """Return ranges of whole sections, about ``range_s`` seconds each.

    The last one is from half as long to one and a half times. A video is one range if its parts
    cannot be decoded alone.

    Args:
        probe: of a file with video.
        fps: frames sampled per second.
        range_s: seconds.
    """
    section_s = sections.length_s(fps)
    length_s = max(1, round(range_s / section_s)) * section_s
    count = max(1, math.floor(probe.duration_s / length_s + 0.5)) if probe.seeks else 1
    edges = [*(float(number * length_s) for number in range(count)), probe.duration_s]
    return tuple(
        Range(name=f"picture-{number:04}", start_s=start_s, end_s=end_s)
        for number, (start_s, end_s) in enumerate(pairwise(edges))
    )
