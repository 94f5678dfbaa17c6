"""Filters that normalise a decoded frame: progressive, SDR, upright, square pixels.

ffmpeg itself applies the rotation of the file's display matrix before any of these.
"""

from typing import Any

from pipeline.core.media_info import VideoStream
from pipeline.media import colour


def fit(video: VideoStream, *, long_side: int) -> tuple[int, int]:
    """Return the largest even (width, height) within ``long_side``; never enlarged."""
    return scaled(video, min(1.0, long_side / max(video.width, video.height)))


def scaled(video: VideoStream, factor: float) -> tuple[int, int]:
    """Return the displayed size times ``factor``, rounded to even numbers, at least 2."""
    return _even(video.width, factor), _even(video.height, factor)


def _even(length: int, factor: float) -> int:
    """Return the even number nearest to ``length * factor`` that is not above ``length``."""
    return max(2, min(round(length * factor / 2), length // 2) * 2)


def max_pixels(video: VideoStream) -> int:
    """Return the largest frame to decode: sizes can change in a stream, but only within reason."""
    return max(4 * video.coded_width * video.coded_height, 1920 * 1088)


def rendered(stream: Any, video: VideoStream, size: tuple[int, int]) -> Any:
    """Return ``stream`` (of ffmpeg-python) as progressive SDR at ``size`` (width, height)."""
    if video.interlaced:
        stream = stream.filter("bwdif", mode="send_frame", deint="interlaced")
    stream = colour.tagged(stream, video)
    stream = stream.filter("scale", *size).filter("setsar", 1)
    return colour.normalised(stream, video)
