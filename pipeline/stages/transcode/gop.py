"""The groups of pictures (GOPs) of a video, read from its packets without decoding."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.media import ffmpeg
from pipeline.media.process import Caps


@dataclass(frozen=True)
class Gops:
    """The groups of pictures of a video track.

    Attributes:
        starts_with_key: its first packet is a keyframe.
        closed: no frame is presented before the keyframe that precedes it in the file.
        longest_s: the longest time without a keyframe.
        bit_rate: average in bits per second.
    """

    starts_with_key: bool
    closed: bool
    longest_s: float
    bit_rate: float


def read(path: Path, stream_index: int) -> Gops:
    """Scan the packets of one track without decoding, in about 1 s per gigabyte.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    keys: list[float] = []
    first: bool | None = None
    closed, end, size = True, 0.0, 0
    options = (
        *("-select_streams", str(stream_index), "-of", "csv=p=0"),
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
    gaps = [b - a for a, b in zip(keys, [*keys[1:], end], strict=True)]
    length_s = end - keys[0] if keys else 0.0
    return Gops(
        starts_with_key=bool(first),
        closed=closed,
        longest_s=max(gaps, default=0.0),
        bit_rate=size * 8 / length_s if length_s > 0 else 0.0,
    )
