"""The sections of a video: a fixed grid of time on which the choice of frames begins again.

What is chosen in a section depends on the media in it alone. So a part of a video that consists of
whole sections has the frames that the whole video has there.
"""

import math

_LENGTH_S = 10
_LEAST_FRAMES = 5


def length_s(fps: float) -> int:
    """Return the length of a section in seconds, if ``fps`` frames a second are chosen."""
    return max(_LENGTH_S, math.ceil(_LEAST_FRAMES / fps))


def number(time_s: float, fps: float) -> int:
    """Return the number of the section that a time is in, from 0."""
    return int(time_s // length_s(fps))
