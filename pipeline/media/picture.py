"""Filters that normalise a decoded frame: progressive, SDR, upright, square pixels.

ffmpeg itself applies the rotation of the file's display matrix before any of these.
"""

from functools import cache
from typing import Any

from pipeline.core.media_info import VideoStream
from pipeline.media import ffmpeg

# BT.2408: SDR white at 203 nits, which zscale maps to linear light 1.0.
_SDR_WHITE = 203


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
    stream = stream.filter("scale", *size).filter("setsar", 1)
    return _tone_mapped(stream, video) if video.hdr and can_tone_map() else stream


def _tone_mapped(stream: Any, video: VideoStream) -> Any:
    """Convert PQ or HLG to SDR BT.709, by Hable's curve in linear light."""
    return (
        stream.filter(
            "setparams",  # zscale rejects frames with incomplete colour parameters
            range=video.color_range or "tv",
            color_primaries=video.color_primaries or "bt2020",
            color_trc=video.color_transfer,
            colorspace=video.color_space or "bt2020nc",
        )
        .filter("zscale", transfer="linear", npl=_SDR_WHITE)
        .filter("format", "gbrpf32le")
        .filter("zscale", primaries="bt709")
        .filter("tonemap", tonemap="hable", desat=0)
        .filter("zscale", transfer="bt709", matrix="bt709", range="tv")
        .filter("format", "yuv420p")
    )


@cache
def can_tone_map() -> bool:
    """Return whether this ffmpeg was built with zimg; without it HDR looks pale."""
    colour = "setparams=range=tv:color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"
    chain = f"{colour},zscale=transfer=linear,format=gbrpf32le,tonemap"
    frame = ("-f", "lavfi", "-i", "color=s=16x16", "-frames:v", "1")
    return ffmpeg.works(*frame, "-vf", chain, "-f", "null", "-")
