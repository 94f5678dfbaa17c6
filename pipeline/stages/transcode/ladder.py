"""The ladder of renditions: sizes by the short side, never larger than the source."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pipeline.core.media_info import VideoStream
from pipeline.media import picture

# A common limit of H.264 decoders, and that of NVENC.
MAX_SIDE = 4096

# Peak bits per second of 1080p30. Bits grow more slowly than pixels, because detail does.
_REFERENCE_BPS = 6_000_000
_REFERENCE_PIXELS = 1920 * 1080


@dataclass(frozen=True)
class Rung:
    """One rendition: its name (``720p``), its even size, its maximum bits per second."""

    name: str
    width: int
    height: int
    max_bps: int


def rungs(video: VideoStream, sides: Sequence[int], *, own_size: bool = False) -> list[Rung]:
    """Return the ladder, largest first: at least one rung, each with a unique name.

    Args:
        video: the source; one smaller than all ``sides`` keeps its size.
        sides: short sides in pixels.
        own_size: add the source's own size on top, for a copy; rungs of more than 80 % of it
            are left out.
    """
    short = min(video.width, video.height)
    wanted = {s for s in sides if s <= (short * 0.8 if own_size else short)}
    if own_size or not wanted:
        wanted.add(short)
    ladder = [rung(video, side) for side in sorted(wanted, reverse=True)]
    ladder = [r for r in ladder if max(r.width, r.height) <= MAX_SIDE]
    ladder = ladder or [rung(video, short * MAX_SIDE / max(video.width, video.height))]
    return list({r.name: r for r in ladder}.values())


def rung(video: VideoStream, side: float) -> Rung:
    """Return the rendition of ``video`` whose short side is ``side`` pixels."""
    width, height = picture.scaled(video, side / min(video.width, video.height))
    return Rung(f"{min(width, height)}p", width, height, ceiling(width, height, video.fps))


def ceiling(width: int, height: int, fps: float) -> int:
    """Return a rendition's maximum bits per second: 6 Mb/s for 1080p30, scaled by pixels^0.75.

    Frame rates above 30 increase it by the square root of their ratio to 30.
    """
    pixels = math.pow(width * height / _REFERENCE_PIXELS, 0.75)
    return round(_REFERENCE_BPS * pixels * math.sqrt(max(1.0, fps / 30)))


def capped_rate(fps: float, max_fps: float) -> Fraction | None:
    """Return a rate of at most ``max_fps`` that keeps every nth frame; None if ``fps`` is fine."""
    if fps <= max_fps * 1.001:
        return None
    every = -(-fps // max_fps)
    return Fraction(fps / every).limit_denominator(1001)
