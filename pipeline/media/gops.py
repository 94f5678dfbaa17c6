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
    if probe.duration_s <= 2 * _WINDOWS * window_s:  # windows would be near each other
        return _dense(path, probe.video.index, interval_s, ())
    step_s = (probe.duration_s - window_s) / (_WINDOWS - 1)
    starts = [number * step_s for number in range(_WINDOWS)]
    return _dense(path, probe.video.index, interval_s, starts, window_s=window_s)


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
    starts: Sequence[float],
    *,
    window_s: float = math.inf,
) -> bool:
    """Return True if the packets of a video track have so many keyframes.

    Args:
        path: the file.
        index: of the track.
        interval_s: the longest time wanted between keyframes, seconds.
        starts: of the windows to read, in order; none for the whole track.
        window_s: length of each.
    """
    where = ",".join(f"{start:.3f}%+{window_s:.3f}" for start in starts)
    chosen = ("-select_streams", str(index), *(("-read_intervals", where) if where else ()))
    entries = ("-show_entries", "packet=pts_time,flags", "-of", "csv=p=0")
    ends = iter([start + window_s for start in starts])
    end_s = next(ends, math.inf)
    caps = Caps(wall_s=300, memory_bytes=1024**3)
    key_s: float | None = None
    with ffmpeg.probing(path, *chosen, *entries, caps=caps) as child:
        for line in child.lines():
            pts, _, flags = line.partition(",")
            time_s = streams.number(pts)
            if time_s is None:
                return False
            if time_s > end_s + window_s / 3:  # the next window begins at a keyframe before it
                end_s, key_s = next(ends, math.inf), None
            if flags.startswith("K"):
                if key_s is not None and time_s - key_s > interval_s * _LENIENCE:
                    return False
                key_s = time_s if key_s is None else max(key_s, time_s)
            elif key_s is None or time_s - key_s > interval_s * _LENIENCE:
                return False
    return key_s is not None
