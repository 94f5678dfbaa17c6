"""The spacing of a video's keyframes, read from its packets without decoding."""

from pathlib import Path

from pipeline.core.media_info import Probe
from pipeline.media import ffmpeg, streams
from pipeline.media.process import Caps

_LENIENCE = 1.05
_CLOCK_JUMPS = {"mpegts", "mpeg"}  # see probe


def within(path: Path, probe: Probe, interval_s: float) -> bool:
    """Return True if a keyframe comes at least every ``interval_s`` seconds, to the end.

    A gap may be 5% longer: keyframes every 60 frames are 2.002 s apart at 29.97 frames/s. At the
    first longer gap the reading ends, so this costs little where the answer is no. It is also no
    where times are missing or may jump (transport streams).

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
        interval_s: the longest time wanted between keyframes, seconds.
    """
    if probe.video is None or probe.container in _CLOCK_JUMPS:
        return False
    chosen = ("-select_streams", str(probe.video.index))
    entries = ("-show_entries", "packet=pts_time,flags", "-of", "csv=p=0")
    caps = Caps(wall_s=300, memory_bytes=1024**3)
    key_s: float | None = None
    with ffmpeg.probing(path, *chosen, *entries, caps=caps) as child:
        for line in child.lines():
            pts, _, flags = line.partition(",")
            time_s = streams.number(pts)
            if time_s is None:
                return False
            if flags.startswith("K"):
                if key_s is not None and time_s - key_s > interval_s * _LENIENCE:
                    return False
                key_s = time_s if key_s is None else max(key_s, time_s)
            elif key_s is None or time_s - key_s > interval_s * _LENIENCE:
                return False
    return key_s is not None
