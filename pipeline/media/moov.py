"""The boxes of an MP4 or MOV file, and its index (``moov``), wherever that is."""

import struct
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from pipeline.core.location import Address, Location, size_of

_LARGEST = 256 * 1024**2  # bytes of an index
MOST_BOXES = 10_000
"""The number of boxes among which an index is looked for: it is the first, or after the media."""
CONTAINERS = {b"trak", b"mdia", b"minf", b"stbl", b"edts"}


class Place(NamedTuple):
    """The place of a box in a file.

    Attributes:
        start: of its header.
        body: of its content.
        end: after its last byte.
    """

    start: int
    body: int
    end: int


def place(path: Location) -> Place | None:
    """Return where the index is; None for other files, and for an index that is too large."""
    end = size_of(path)
    for kind, found, size in islice(places(path, 0, end), MOST_BOXES):
        if kind == b"moov" and size <= _LARGEST:
            return found
    return None


def is_beyond_reach(path: Location) -> bool:
    """Return whether a file has more boxes than are looked at, and no index among those."""
    kinds = [kind for kind, _, _ in islice(places(path, 0, size_of(path)), MOST_BOXES)]
    return len(kinds) == MOST_BOXES and b"moov" not in kinds


def places(path: Location, start: int, end: int) -> Iterator[tuple[bytes, Place, int]]:
    """Yield kind, place and promised size of each box between two places, whose headers are read.

    A file that is cut off has less than the size; the place ends with the file.
    """
    while start + 8 <= end:
        head = content(path, start, min(end, start + 16))
        if len(head) < 8:  # noqa: PLR2004 - the file ends
            return
        size, kind = struct.unpack(">I4s", head[:8])
        body = 8
        if size == 1 and len(head) == 16:  # noqa: PLR2004
            (size,) = struct.unpack(">Q", head[8:])
            body = 16
        if size < body:
            return
        yield kind, Place(start, start + body, min(end, start + size)), size
        start += size


def content(path: Location, start: int, end: int) -> bytes:
    """Return the bytes of a file from a start to an end, which is not included."""
    if isinstance(path, Address):
        return path.read(start, end)
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def boxes(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the content of each box within another."""
    at = 0
    while at + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        yield kind, body[at + 8 : at + size]
        at += max(size, 8)


def leaves(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes of a track, those within others included, without their containers."""
    for kind, inner in boxes(body):
        if kind in CONTAINERS:
            yield from leaves(inner)
        else:
            yield kind, inner


def replaced(body: bytes, others: dict[bytes, bytes]) -> bytes:
    """Return the boxes of a track with other contents of those that ``others`` names."""
    parts = []
    for kind, inner in boxes(body):
        within = kind in CONTAINERS
        parts.append(packed(kind, replaced(inner, others) if within else others.get(kind, inner)))
    return b"".join(parts)


def packed(kind: bytes, inner: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(inner), kind) + inner


def repeated(body: bytes, layout: str) -> Iterator[int]:
    """Yield the values of a table of runs, each as often as it is repeated."""
    (count,) = struct.unpack_from(">I", body, 4)
    for number in range(count):
        times, value = struct.unpack_from(layout, body, 8 + 8 * number)
        for _ in range(times):
            yield value


def edits(elst: bytes) -> list[tuple[int, int]]:
    """Return the entries of an edit list: duration on the film's clock, and time of the media."""
    (count,) = struct.unpack_from(">I", elst, 4)
    layout = ">Qq2H" if elst[0] else ">Ii2H"
    size = struct.calcsize(layout)
    rows = (struct.unpack_from(layout, elst, 8 + size * number) for number in range(count))
    return [(duration, media) for duration, media, _, _ in rows]
