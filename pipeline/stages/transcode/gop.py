"""The groups of pictures (GOPs) of a video, read from its packets without decoding."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.core.location import Location
from pipeline.core.media_info import VideoStream
from pipeline.media import ffmpeg, sample_table
from pipeline.media.process import Caps


@dataclass(frozen=True)
class Gops:
    """The groups of pictures of a video track.

    Attributes:
        starts_with_key: its first packet is a keyframe.
        closed: no frame is presented before the keyframe that precedes it in the file.
        longest_s: the longest time without a keyframe, the time after the last one included.
        bit_rate: average in bits per second.
        keys: times of keyframes on the film's timeline, in order.
    """

    starts_with_key: bool
    closed: bool
    longest_s: float
    bit_rate: float
    keys: Sequence[float] = ()


def read(path: Location, video: VideoStream, length_s: float) -> Gops:
    """Scan the packets of one track without decoding, in about 1 s per gigabyte.

    Args:
        path: the file.
        video: the track.
        length_s: from the first frame to the end of the source, which other tracks may reach later.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    keys: list[float] = []
    first: bool | None = None
    closed, end, size = True, 0.0, 0
    options = (
        *("-select_streams", str(video.index), "-of", "csv=p=0"),
        *("-show_entries", "packet=pts_time,duration_time,size,flags"),
    )
    with ffmpeg.probing(path, *options, caps=Caps(wall_s=300)) as child:
        for line in child.lines():
            pts, duration, length, flags, *_ = (*line.split(","), "", "", "")
            if pts in ("", "N/A"):
                closed = False  # a packet without a time cannot be copied
                continue
            time_s = float(pts)
            key = flags.startswith("K")
            first = key if first is None else first
            if key:
                keys.append(time_s)
            elif keys and time_s < keys[-1]:
                closed = False
            end = max(end, time_s + (0.0 if duration == "N/A" else float(duration)))
            size += int(length)
        ffmpeg.judge(child)
    return _measured(keys, video, length_s, end, size, starts_with_key=bool(first), closed=closed)


def indexed(path: Location, video: VideoStream, length_s: float) -> Gops | None:
    """Read the same as ``read`` from the index of an MP4 file, without its media.

    Returns:
        None where the file has no such index, or one that shows other frames than it has.
    """
    found = sample_table.read(path, video)
    if found is None:
        return None
    times = found.times
    keys = [times[number] for number in sorted(found.keys)]
    closed, reached = True, 0.0
    for number, time_s in enumerate(times):
        if number in found.keys:
            reached = time_s
        closed = closed and time_s >= reached
    return _measured(
        keys,
        video,
        length_s,
        max(times) + 1 / video.fps,
        found.size,
        starts_with_key=0 in found.keys,
        closed=closed,
    )


def _measured(
    keys: list[float],
    video: VideoStream,
    length_s: float,
    end: float,
    size: int,
    *,
    starts_with_key: bool,
    closed: bool,
) -> Gops:
    """Return the groups of pictures between keyframes.

    Args:
        keys: times of keyframes on the clock of the file.
        video: the track.
        length_s: from the first frame to the end of the source.
        end: of the last frame, on the clock of the file.
        size: of all packets, in bytes.
        starts_with_key: the first packet is a keyframe.
        closed: no frame is shown before the keyframe that precedes it in the file.
    """
    lasts_s = max(end, keys[0] + length_s) if keys else 0.0
    gaps = [b - a for a, b in zip(keys, [*keys[1:], lasts_s], strict=True)]
    played_s = end - keys[0] if keys else 0.0
    return Gops(
        starts_with_key=starts_with_key,
        closed=closed,
        longest_s=max(gaps, default=0.0),
        bit_rate=size * 8 / played_s if played_s > 0 else 0.0,
        keys=tuple(key - keys[0] + video.start_s for key in keys),
    )
