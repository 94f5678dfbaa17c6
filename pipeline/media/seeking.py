"""The place in a file where decoding of a part begins, so that nothing of the part is missing."""

import json
import re
from fractions import Fraction
from typing import NamedTuple

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import SOUGHT, Probe
from pipeline.media import ffmpeg, streams
from pipeline.media.process import Complaints
from pipeline.media.sniff import is_fragmented

_FIRST_STEP_S = 0.5
_COARSE_S = Fraction(1, 8000)
_ROUNDED_S = 0.0011  # a time is rounded in the file, and again where decoding begins
_HEAD_FRAMES = 6
# Intra refresh completes a picture within this time; excerpts have as much before a range.
_RECOVERED_S = 10.0
_AHEAD_S = 0.5  # frames may be stored so much earlier than they are shown
# A decoder says so where frames refer to those before the seek.
_MISSING = re.compile(
    "mmco: unref short failure|co located POCs unavailable|Missing reference picture"
    "|reference picture missing during reorder|Could not find ref with POC"
    "|number of reference frames .* exceeds max"
)
# It drops a frame after the first, and says the second.
_CAUSE, _DROPPED = "Missing reference picture", "decode_slice_header error"
_MOST_MISSING = 20
# ffmpeg subtracts the start of the file, by which probes count too, but not the seek's own time.
ONE_CLOCK = ("-copyts", "-start_at_zero")
"""Output options by which frames keep their times after a seek."""


class _Decoded(NamedTuple):
    """The content of a part of a file.

    Attributes:
        keys: when its keyframes are shown, seconds.
        frames: when the frames are shown that can be decoded from it alone.
    """

    keys: list[float]
    frames: list[float]


def options(seek_s: float) -> dict[str, str | None]:
    """Return the input options that begin at ``seek_s`` or a keyframe before it."""
    # ffmpeg's own trimming rounds times otherwise than the filters of this package.
    return {"ss": f"{seek_s:.6f}", "noaccurate_seek": None} if seek_s > 0 else {}


def possible(path: Location, container: str) -> bool:
    """Return whether sound after a seek has the times of one pass.

    It has where ``Probe.seeks`` is true, except in fragmented MP4: there, the priming of the
    encoder counts again.

    Args:
        path: the file.
        container: ``Probe.container``.
    """
    return container in SOUGHT and not is_fragmented(path)


def snapped(path: Location, index: int, time_base: str = "0") -> str | None:
    """Return ffmpeg's expression for the exact time of a frame of sound; None if times are exact.

    The file is read only if ``time_base`` may be coarse.

    Matroska rounds times to milliseconds. One pass counts samples from the first frame on; after a
    seek, the count would begin at a rounded time. But frames have a constant number of samples, so
    their exact times are known. A frame that is further away from one follows a gap.

    Args:
        path: the file.
        index: ``AudioStream.index``.
        time_base: ``AudioStream.time_base``.
    """
    if 0 < Fraction(time_base) < _COARSE_S:
        return None
    chosen = ("-select_streams", str(index), "-read_intervals", f"%+#{_HEAD_FRAMES}")
    entries = "frame=pts_time,nb_samples:stream=time_base,sample_rate:format=start_time"
    with ffmpeg.probing(path, *chosen, "-show_entries", entries, "-of", "json") as child:
        raw = json.loads(child.read(1 << 20))
        ffmpeg.judge(child)
    track, found = raw["streams"][0], raw.get("frames", [])
    if Fraction(track["time_base"]) < _COARSE_S or len(found) < _HEAD_FRAMES - 1:
        return None
    first, *others = (int(one["nb_samples"]) for one in found)
    if len(set(others)) != 1 or "pts_time" not in found[0]:
        return None
    start_s = streams.seconds(raw["format"].get("start_time"))
    shown_s = streams.seconds(found[0]["pts_time"]) - start_s
    length, place = others[0], round(shown_s * int(track["sample_rate"])) + first
    exact = f"(round((PTS-{place})/{length})*{length}+{place})"
    return f"if(lt(abs({exact}-PTS)*TB,{_ROUNDED_S}),{exact},PTS)"


def before(path: Location, probe: Probe, time_s: float) -> float:
    """Return a time to seek to, from which every frame from ``time_s`` on can be decoded.

    Indices of files give times of decoding. So a keyframe that is found for a time may be shown
    after it, and frames between both depend on what comes earlier (an open GOP). In H.264, a
    keyframe may also be incomplete until later frames are decoded (intra refresh).

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
        time_s: on the file's timeline, seconds.

    Returns:
        0 where only the beginning will do.
    """
    if probe.video is None or not probe.seeks:
        return 0.0
    index = probe.video.index
    nearest_s: float | None = None
    seek_s, step_s = time_s, _FIRST_STEP_S
    while seek_s > 0:
        key = _decoded(path, index, seek_s, "#1")
        if key.keys and key.keys[0] <= time_s:
            nearest_s = seek_s if nearest_s is None else nearest_s
            if key.frames or _is_complete(path, index, seek_s, time_s - key.keys[0], time_s):
                return seek_s
            if time_s - seek_s > _RECOVERED_S:  # it is damaged
                return nearest_s
        seek_s, step_s = seek_s - step_s, 2 * step_s
    return 0.0


def _is_complete(path: Location, index: int, seek_s: float, length_s: float, time_s: float) -> bool:
    """Return whether a frame shown at ``time_s`` or before can be decoded after a seek."""
    found = _decoded(path, index, seek_s, f"{length_s + _AHEAD_S:.6f}")
    return any(shown_s <= time_s for shown_s in found.frames)


def _decoded(path: Location, index: int, seek_s: float, length: str) -> _Decoded:
    """Return when the keyframes and the decoded frames after a seek are shown.

    Args:
        path: the file.
        index: of the track.
        seek_s: the time to seek to.
        length: how much to read, in ffprobe's words.
    """
    where = ("-select_streams", str(index), "-read_intervals", f"+{seek_s:.6f}%+{length}")
    entries = "packet=pts_time,flags:frame=pts_time:format=start_time"
    keys, frames, start_s = [], [], 0.0
    try:
        with ffmpeg.probing(path, *where, "-show_entries", entries, "-of", "csv") as child:
            for line in child.lines():
                kind, time, flags, *_ = (*line.split(","), "", "")
                time_s = streams.number(time)
                if time_s is None:
                    continue
                if kind == "frame":
                    frames.append(time_s)
                elif kind == "packet" and flags.startswith("K"):
                    keys.append(time_s)
                elif kind == "format":
                    start_s = time_s
            ffmpeg.judge(child)
    except BadInput:
        return _Decoded([], [])
    return _Decoded([time - start_s for time in keys], [time - start_s for time in frames])


def caused(heard: Complaints) -> bool:
    """Return True if a seek alone explains the decoder's error lines: nothing is damaged."""
    lines = (*heard.first, *heard.last)
    other = [line for line in lines if not _MISSING.search(line)]
    causes = sum(_CAUSE in line for line in lines)
    explained = len(other) <= causes and all(_DROPPED in line for line in other)
    return heard.count <= _MOST_MISSING and explained
