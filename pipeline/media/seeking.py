"""The place in a file where decoding of a part begins, so that nothing of the part is missing."""

import json
import re
from fractions import Fraction

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
# A decoder says so where frames of an open GOP refer to those before the seek.
_MISSING = re.compile(
    "mmco: unref short failure|co located POCs unavailable|Missing reference picture"
    "|reference picture missing during reorder|Could not find ref with POC"
)
_MOST_MISSING = 20
# ffmpeg subtracts the start of the file, by which probes count too, but not the seek's own time.
ONE_CLOCK = ("-copyts", "-start_at_zero")
"""Output options by which frames keep their times after a seek."""


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
    after it, and frames between both depend on what comes earlier (an open GOP).

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
        time_s: on the file's timeline, seconds.

    Returns:
        0 where only the beginning will do.
    """
    if probe.video is None or not probe.seeks:
        return 0.0
    seek_s, step_s = time_s, _FIRST_STEP_S
    while seek_s > 0:
        shown_s = _shown(path, probe.video.index, seek_s)
        if shown_s is not None and shown_s <= time_s:
            return seek_s
        seek_s, step_s = seek_s - step_s, 2 * step_s
    return 0.0


def _shown(path: Location, index: int, seek_s: float) -> float | None:
    """Return when the keyframe is shown that a seek finds; None if it finds another frame."""
    where = ("-select_streams", str(index), "-read_intervals", f"+{seek_s:.6f}%+#1")
    entries = ("-show_entries", "packet=pts_time,flags:format=start_time", "-of", "csv")
    shown_s: float | None = None
    start_s = 0.0
    try:
        with ffmpeg.probing(path, *where, *entries) as child:
            for line in child.lines():
                kind, time, flags, *_ = (*line.split(","), "", "")
                if kind == "packet" and flags.startswith("K"):
                    shown_s = streams.number(time)
                elif kind == "format":
                    start_s = streams.seconds(time)
            ffmpeg.judge(child)
    except BadInput:
        return None
    return None if shown_s is None else shown_s - start_s


def caused(heard: Complaints) -> bool:
    """Return True if a seek alone explains the decoder's error lines: nothing is damaged."""
    lines = (*heard.first, *heard.last)
    return heard.count <= _MOST_MISSING and all(_MISSING.search(line) for line in lines)
