"""The spacing of a video's keyframes, read from its packets without decoding."""

import math
from collections.abc import Sequence

from pipeline.core.location import Location
from pipeline.core.media_info import Probe
from pipeline.media import ffmpeg, streams
from pipeline.media.process import Caps

_LENIENCE = 1.05
_WINDOWS = 4
_WINDOW_S = 2.0
_WINDOW_INTERVALS = 2


def within(path: Location, probe: Probe, interval_s: float) -> bool:
    """Return True if a keyframe comes at least every ``interval_s`` seconds, to the end.

    A gap may be 5% longer: keyframes every 60 frames are 2.002 s apart at 29.97 frames/s. Of a long
    video, one process reads four short windows, from its start to its end; at the first longer gap
    the reading ends. So this costs little. It is also no where times are missing or may jump
    (transport streams).

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
        interval_s: the longest time wanted between keyframes, seconds.
    """
    if probe.video is None or probe.clock_jumps:
        return False
    window_s = max(_WINDOW_S, _WINDOW_INTERVALS * interval_s)
    length_s = probe.duration_s - probe.video.start_s
    if length_s <= 2 * _WINDOWS * window_s:  # windows would be near each other
        return _dense(path, probe.video.index, interval_s, ())
    between_s = (length_s - _WINDOWS * window_s) / (_WINDOWS - 1)
    # From the first packet on, since files begin at any time, and from the end of the one before.
    windows = (f"%+{window_s:.3f}", *[f"+{between_s:.3f}%+{window_s:.3f}"] * (_WINDOWS - 1))
    return _dense(path, probe.video.index, interval_s, windows, between_s=between_s)


def keys(path: Location, probe: Probe, end_s: float) -> list[float]:
    """Return the times of the keyframes before ``end_s``, seconds.

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
        end_s: the end of the part that is read.
    """
    if probe.video is None:
        return []
    where = ("-select_streams", str(probe.video.index), "-read_intervals", f"%+{end_s + 1:.3f}")
    entries = ("-show_entries", "packet=pts_time,flags:format=start_time", "-of", "csv")
    found, start_s = [], 0.0
    with ffmpeg.probing(path, *where, *entries) as child:
        for line in child.lines():
            kind, time, flags, *_ = (*line.split(","), "", "")
            if kind == "packet" and flags.startswith("K"):
                found.append(streams.seconds(time))
            elif kind == "format":
                start_s = streams.seconds(time)
        ffmpeg.judge(child)
    return [time_s - start_s for time_s in found if time_s - start_s < end_s]


def _dense(
    path: Location,
    index: int,
    interval_s: float,
    windows: Sequence[str],
    *,
    between_s: float = math.inf,
) -> bool:
    """Return True if the packets of a video track have so many keyframes.

    Args:
        path: the file.
        index: of the track.
        interval_s: the longest time wanted between keyframes, seconds.
        windows: to read, in order, in ffprobe's words; none for the whole track.
        between_s: seconds from the end of one to the start of the next.
    """
    where = ("-read_intervals", ",".join(windows)) if windows else ()
    chosen = ("-select_streams", str(index), *where)
    entries = ("-show_entries", "packet=pts_time,flags", "-of", "csv=p=0")
    caps = Caps(wall_s=300, memory_bytes=1024**3)
    longest_s = interval_s * _LENIENCE
    key_s: float | None = None
    with ffmpeg.probing(path, *chosen, *entries, caps=caps) as child:
        for line in child.lines():
            pts, _, flags = line.partition(",")
            time_s = streams.number(pts)
            if time_s is None:
                return False
            if flags.startswith("K"):
                # A far longer gap is that between two windows: each is read from a keyframe on.
                if key_s is not None and longest_s < time_s - key_s < between_s / 2:
                    return False
                key_s = time_s if key_s is None else max(key_s, time_s)
            elif key_s is None or time_s - key_s > longest_s:
                return False
    return key_s is not None
