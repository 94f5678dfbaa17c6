"""Limits on the structure of files: values that no camera writes, and that cost hours."""

from collections.abc import Sequence

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import AudioStream, VideoStream
from pipeline.media import moov

_LEAST_HZ, _MOST_HZ = 1_000, 768_000  # telephones have 8,000, the finest converters 768,000
_MOST_FPS = 1_000.0
_FEW_FRAMES = 10  # their average rate says nothing
_MOST_EDITS = 1_000


def check_edits(path: Location) -> None:
    """Check the lengths of an MP4 file's edit lists, for each of which ffmpeg walks its index.

    Raises:
        BadInput: ``absurd_structure``: a list is too long.
    """
    found = moov.place(path)
    if found is None:
        return
    for kind, track, _ in moov.places(path, found.body, found.end):
        if kind != b"trak":
            continue
        for inner, edits, _ in moov.places(path, track.body, track.end):
            if inner == b"edts":
                for _, entries, _ in moov.places(path, edits.body, edits.end):
                    count = int.from_bytes(moov.content(path, entries.body + 4, entries.body + 8))
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
