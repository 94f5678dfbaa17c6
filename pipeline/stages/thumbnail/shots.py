"""The collection of a range's shots: small frames, spread evenly over it."""

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from pipeline.core.media_info import Probe
from pipeline.core.ranges import Range, Work
from pipeline.core.stage import Report, Source
from pipeline.media import decoding, frames, picture, sections
from pipeline.media.decoding import Frame
from pipeline.media.process import Complaints
from pipeline.stages.thumbnail import poster, tiles
from pipeline.stages.thumbnail.tiles import Collected, Shot

if TYPE_CHECKING:
    import numpy as np

# Frames are scored at this size: blur that a tile hides shows in the poster.
_SCORED_SIDE = 384
_T = TypeVar("_T")


def interval_s(probe: Probe, *, every_s: float, most: int) -> float:
    """Return the seconds from shot to shot: ``every_s``, or more in a long video.

    Args:
        probe: of the video.
        every_s: the least.
        most: the largest number of shots.
    """
    return max(every_s, probe.duration_s / most)


def collect(
    source: Source,
    range_: Range,
    work: Work,
    report: Report,
    *,
    side: int,
    every_s: float,
    keyed: bool,
) -> Collected:
    """Write a tile for the first keyframe of every ``every_s`` seconds of a range.

    Where keyframes are too far apart, it is the first frame. The choice begins again in each of
    the ``sections``, so ranges of whole sections have the tiles of one pass.

    Args:
        source: the video.
        range_: the range.
        work: the place to write.
        report: receives the progress; its deadline limits the decoding.
        side: long side of a tile, pixels.
        every_s: seconds from shot to shot.
        keyed: whether only keyframes are decoded where they are dense enough.

    Raises:
        BadInput: ``undecodable``: no frame of a whole video can be decoded.
    """
    probe = source.probe
    video = decoding.require_video(probe)
    size = picture.fit(video, long_side=side)
    complaints = Complaints()
    found = frames.sample(
        source.path,
        probe,
        fps=1 / every_s,
        long_side=max(side, _SCORED_SIDE),
        keyed=keyed,
        section_s=sections.length_s(1 / every_s),
        start_s=range_.start_s,
        end_s=None if range_.end_s >= probe.duration_s else range_.end_s,
        report=report,
        complaints=complaints,
    )
    length_s = max(range_.end_s - range_.start_s, 0.001)
    with closing(found), tiles.Writer(work.folder / f"{work.tag}.tiles", size) as writer:
        for frame in found:
            writer.add(_shot(frame), _resized(frame, size))
            report(min(1.0, (frame.time_s - range_.start_s) / length_s))
    return writer.collected(complaints.count)


def thinned(shots: Sequence[_T], most: int) -> list[_T]:
    """Return at most this number of shots, spread evenly over all."""
    if len(shots) <= most:
        return list(shots)
    return [shots[number * len(shots) // most] for number in range(most)]


def _shot(frame: Frame) -> Shot:
    return Shot(frame.time_s, poster.score(frame.image), frame.key)


def _resized(frame: Frame, size: tuple[int, int]) -> "np.ndarray":
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run
    from PIL import Image  # noqa: PLC0415 - as above

    image = Image.fromarray(frame.image)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.asarray(image)
