"""The peak light of HDR video, by the metadata of its first frame."""

import json
from fractions import Fraction
from typing import Any

from pipeline.core.errors import VideodropError
from pipeline.core.location import Location
from pipeline.core.media_info import VideoStream
from pipeline.media import ffmpeg

_LARGEST_REPLY = 1 << 20


def with_peak(path: Location, video: VideoStream) -> VideoStream:
    """Return ``video`` with its ``peak_nits``; it is read for PQ, since HLG is relative.

    MaxCLL counts first, as it is measured. The mastering display's peak is an upper limit.
    """
    if video.hdr != "pq":
        return video
    where = ("-select_streams", str(video.index), "-read_intervals", "%+#1", "-threads", "1")
    entries = ("-show_entries", "stream_side_data_list:frame=side_data_list", "-of", "json")
    try:
        with ffmpeg.probing(path, *where, "-show_frames", *entries) as child:
            text = child.read(_LARGEST_REPLY)
            ffmpeg.judge(child)
        found = json.loads(text)
    except (VideodropError, ValueError):  # damage is reported by the stages that decode
        return video
    return video.model_copy(update={"peak_nits": peak_nits(found)})


def peak_nits(found: dict[str, Any]) -> float | None:
    """Return MaxCLL, or else the mastering display's peak, from the output of ffprobe."""
    parts = [*found.get("frames", []), *found.get("streams", [])]
    sides = [side for part in parts for side in part.get("side_data_list", [])]
    for key in ("max_content", "max_luminance"):
        for side in sides:
            if nits := _number(side.get(key)):
                return nits
    return None


def _number(value: Any) -> float | None:
    try:
        return float(Fraction(str(value)))
    except (ValueError, ZeroDivisionError):
        return None
