"""Limits on the structure of files: values that no camera writes, and that cost hours."""

from collections.abc import Iterator, Sequence

from pipeline.core.errors import BadInput
from pipeline.core.location import Location, size_of
from pipeline.core.media_info import AudioStream, VideoStream
from pipeline.media import moov
from pipeline.media.moov import Place

_LEAST_HZ, _MOST_HZ = 1_000, 768_000  # telephones have 8,000, the finest converters 768,000
_MOST_FPS = 1_000.0
_FEW_FRAMES = 10  # their average rate says nothing
_MOST_EDITS = 1_000
_MOST_WITHIN = 1_000  # boxes of a track, or directly in the index
_DEEPEST = 8  # a table of samples lies three deep
# Bytes that the shortest sample has: sound that counts single samples packs many into a byte.
_LEAST_PICTURE, _LEAST_SOUND = 8, 1 / 64
_TABLES = {b"elst", b"stts", b"ctts", b"stss", b"stsc", b"stco", b"co64"}


def check_boxes(path: Location) -> None:
    """Check what the index of an MP4 file promises.

    ffmpeg makes an entry of memory for each sample that is promised, and walks all of them for
    each edit.

    Raises:
        BadInput: ``absurd_structure``: too many boxes, edits or samples, boxes that lie too deep,
            or a table of more entries than it has bytes.
    """
    found = moov.place(path)
    if found is None:
        if moov.is_beyond_reach(path):
            raise absurd(f"More than {moov.MOST_BOXES:,} boxes come before its index")
        return
    for number, (kind, track, _) in enumerate(moov.places(path, found.body, found.end)):
        if number >= _MOST_WITHIN:
            raise absurd(f"The index has more than {_MOST_WITHIN:,} boxes")
        if kind == b"trak":
            tables = list(_leaves(path, track))  # a box may be there twice
            for name, table in tables:
                _check_table(path, name, table)
            _check_samples(path, tables)


def check_streams(
    video: VideoStream | None, audio: Sequence[AudioStream], duration_s: float
) -> None:
    """Check the rates of the tracks.

    Raises:
        BadInput: ``absurd_structure``: too few or too many samples, or too many frames, a second.
    """
    for track in audio:
        if not _LEAST_HZ <= track.sample_rate <= _MOST_HZ:
            raise absurd(
                f"A sound track has {track.sample_rate:,} samples a second; "
                f"{_LEAST_HZ:,} to {_MOST_HZ:,} are allowed"
            )
    if video and video.fps > _MOST_FPS and video.fps * duration_s > _FEW_FRAMES:
        raise absurd(
            f"The video has {video.fps:,.0f} frames a second; at most {_MOST_FPS:,.0f} are allowed"
        )


def _leaves(path: Location, track: Place) -> Iterator[tuple[bytes, Place]]:
    """Yield the tables of a track.

    Raises:
        BadInput: ``absurd_structure``: it has too many boxes, or they lie too deep.
    """
    waiting, seen = [(track, 0)], 0
    while waiting:
        parent, depth = waiting.pop()
        if depth > _DEEPEST:
            raise absurd(f"Boxes of a track lie more than {_DEEPEST} deep")
        for kind, place, _ in moov.places(path, parent.body, parent.end):
            seen += 1
            if seen > _MOST_WITHIN:
                raise absurd(f"A track has more than {_MOST_WITHIN:,} boxes")
            if kind in moov.CONTAINERS:
                waiting.append((place, depth + 1))
            else:
                yield kind, place


def _check_table(path: Location, name: bytes, table: Place) -> None:
    """Check the number of a table's entries, before which are a version and flags."""
    if name not in _TABLES:
        return
    bytes_ = table.end - table.body
    count = int.from_bytes(moov.content(path, table.body + 4, table.body + 8))
    if name == b"elst" and count > _MOST_EDITS:
        raise absurd(f"A track has {count:,} edits; at most {_MOST_EDITS:,} are allowed")
    if count > bytes_ and table.end < size_of(path):
        raise absurd(f"A table of {bytes_:,} bytes promises {count:,} entries")


def _check_samples(path: Location, tables: Sequence[tuple[bytes, Place]]) -> None:
    """Check the number of samples of a track that all have one size: they need no table."""
    heads = [(name, moov.content(path, one.body, one.body + 12)) for name, one in tables]
    shown = any(name == b"hdlr" and head[8:] == b"vide" for name, head in heads)
    for name, head in heads:
        size, count = int.from_bytes(head[4:8]), int.from_bytes(head[8:])
        least = _LEAST_PICTURE if shown else _LEAST_SOUND
        if name == b"stsz" and size and count * least > size_of(path):
            raise absurd(f"A track promises {count:,} samples in a file of {size_of(path):,} bytes")


def absurd(what: str) -> BadInput:
    """Return the error of a file that has more than a true one can have.

    Args:
        what: what it has, as a sentence.
    """
    return BadInput(
        "absurd_structure",
        f"{what}. The file is damaged or crafted. Convert it, or upload another copy.",
    )
