"""The index of an MP4 or MOV file: times and keyframes of its picture, without the media."""

import struct
from dataclasses import dataclass
from itertools import islice

from pipeline.core.location import Location
from pipeline.core.media_info import VideoStream
from pipeline.media import moov


@dataclass(frozen=True)
class SampleTable:
    """The frames of a picture, in order of decoding.

    Attributes:
        times: presentation times in seconds on the clock of the track.
        keys: numbers of keyframes, from 0.
        size: of all frames, in bytes.
    """

    times: list[float]
    keys: set[int]
    size: int


def read(path: Location, video: VideoStream) -> SampleTable | None:
    """Read the table of a track.

    Returns:
        None for other files, for fragmented ones, and where an edit list hides frames, or shows
        them twice.
    """
    place = moov.place(path)
    if place is None:
        return None
    boxes = list(moov.boxes(moov.content(path, place.body, place.end)))
    traks = [body for kind, body in boxes if kind == b"trak"]
    if any(kind == b"mvex" for kind, _ in boxes) or video.index >= len(traks):
        return None
    try:
        return _table(dict(moov.leaves(traks[video.index])))
    except (KeyError, struct.error, ZeroDivisionError):
        return None


def _table(boxes: dict[bytes, bytes]) -> SampleTable | None:
    mdhd, stsz = boxes[b"mdhd"], boxes[b"stsz"]
    (scale,) = struct.unpack_from(">I", mdhd, 20 if mdhd[0] else 12)
    same, count = struct.unpack_from(">2I", stsz, 4)
    sizes = same * count if same else sum(struct.unpack_from(f">{count}I", stsz, 12))
    decode, times = 0, []
    shifts = moov.repeated(boxes[b"ctts"], ">Ii") if b"ctts" in boxes else None
    for duration in islice(moov.repeated(boxes[b"stts"], ">2I"), count + 1):
        times.append(decode + (next(shifts, 0) if shifts else 0))
        decode += duration
    if not times or len(times) != count or _hides(boxes.get(b"elst"), min(times)):
        return None
    if b"stss" in boxes:
        (number,) = struct.unpack_from(">I", boxes[b"stss"], 4)
        keys = {one - 1 for one in struct.unpack_from(f">{number}I", boxes[b"stss"], 8)}
    else:
        keys = set(range(count))
    return SampleTable([time / scale for time in times], keys, sizes)


def _hides(elst: bytes | None, first: int) -> bool:
    """Return whether an edit list does more than begin with the first frame, perhaps later."""
    if elst is None:
        return False
    return [media for _, media in moov.edits(elst) if media >= 0] != [first]
