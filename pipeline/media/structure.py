"""Limits on the structure of files: values that no camera writes, and that cost hours."""

import struct
from collections.abc import Iterator, Sequence

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import AudioStream, VideoStream
from pipeline.media import moov

_LEAST_HZ, _MOST_HZ = 1_000, 768_000  # telephones have 8,000, the finest converters 768,000
_MOST_FPS = 1_000.0
_FEW_FRAMES = 10  # their average rate says nothing
_MOST_EDITS = 1_000
_HEAD = 16  # bytes of a box


def check_edits(path: Location) -> None:
    """Check the lengths of an MP4 file's edit lists, for each of which ffmpeg walks its index.

    Raises:
        BadInput: ``absurd_structure``: a list is too long.
    """
    found = moov.place(path)
    if found is None:
        return
    for kind, start, end in _boxes(path, found.body, found.end):
        if kind != b"trak":
            continue
        for inner, edits, edits_end in _boxes(path, start, end):
            if inner == b"edts":
                for _, list_start, _ in _boxes(path, edits, edits_end):
                    count = int.from_bytes(moov.content(path, list_start + 4, list_start + 8))
                    if count > _MOST_EDITS:
                        raise _absurd(f"A track has {count:,} edits; at most {_MOST_EDITS:,}")


def check_streams(
    video: VideoStream | None, audio: Sequence[AudioStream], duration_s: float
) -> None:
    """Check the rates of the tracks.

    Raises:
        BadInput: ``absurd_structure``: too few or too many samples, or too many frames, a second.
    """
    for track in audio:
        if not _LEAST_HZ <= track.sample_rate <= _MOST_HZ:
            raise _absurd(
                f"A sound track has {track.sample_rate:,} samples a second; "
                f"{_LEAST_HZ:,} to {_MOST_HZ:,}"
            )
    if video and video.fps > _MOST_FPS and video.fps * duration_s > _FEW_FRAMES:
        raise _absurd(f"The video has {video.fps:,.0f} frames a second; at most {_MOST_FPS:,.0f}")


def _absurd(what: str) -> BadInput:
    return BadInput(
        "absurd_structure",
        f"{what} are allowed. The file is damaged or crafted. Convert it, or upload another copy.",
    )


def _boxes(path: Location, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box between two places, and where its content starts and ends."""
    while start + 8 <= end:
        head = moov.content(path, start, min(end, start + _HEAD))
        if len(head) < 8:  # noqa: PLR2004 - the file ends
            return
        size, kind = struct.unpack_from(">I4s", head)
        yield kind, start + 8, min(end, start + size)
        start += max(size, 8)
