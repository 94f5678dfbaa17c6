"""Cover art: the picture in a sound file that has no video."""

import json
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.progress import Report
from pipeline.media import ffmpeg

if TYPE_CHECKING:
    import numpy as np

_MOST_PIXELS = 1 << 26
_SHOWN = "stream=index,width,height:stream_disposition=attached_pic"


def read(path: Location, *, max_width: int, report: Report) -> "np.ndarray | None":
    """Return the cover art as uint8 RGB, [height, width, 3]; None without one that can be decoded.

    Args:
        path: a file that ``probe.probe`` accepted.
        max_width: wider pictures are scaled down.
        report: its deadline limits the decoding.
    """
    for raw in _pictures(path):
        width, height = int(raw.get("width") or 0), int(raw.get("height") or 0)
        if 0 < width * height <= _MOST_PIXELS:
            factor = min(1.0, max_width / width)
            size = max(1, round(width * factor)), max(1, round(height * factor))
            try:
                return _decoded(path, raw["index"], size, report)
            except BadInput:
                continue
    return None


def _pictures(path: Location) -> list[dict[str, Any]]:
    options = ("-of", "json", "-select_streams", "v", "-show_entries", _SHOWN)
    with ffmpeg.probing(path, *options) as child:
        text = child.read(1 << 20)
        ffmpeg.judge(child)
    found = json.loads(text).get("streams", [])
    return [one for one in found if one.get("disposition", {}).get("attached_pic")]


def _decoded(path: Location, index: int, size: tuple[int, int], report: Report) -> "np.ndarray":
    import numpy as np  # noqa: PLC0415 - see ffmpeg.source()

    given = ffmpeg.source(path, max_pixels=_MOST_PIXELS)
    scaled = given[str(index)].filter("scale", *size)
    node = scaled.output("pipe:1", format="rawvideo", pix_fmt="rgb24", vframes=1)
    width, height = size
    with ffmpeg.pipe(node, report=report) as child:
        pixels = child.read(width * height * 3)
        ffmpeg.judge(child)
    if len(pixels) != width * height * 3:
        raise BadInput("undecodable", "The cover art could not be decoded.")
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
