"""The excerpt of a file that a part of it needs: its index without what is about other times.

The index of a film of hours has megabytes, and each of its ranges would read all of it. The plan
reads it once, and gives each range its excerpt. To ffmpeg, the file is as long as it was, and all
media is where it was. See ``docs/decisions/excerpts.md``.
"""

import json
import math
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Self

from pipeline.core.location import Location
from pipeline.core.media_info import Probe
from pipeline.media import matroska, moov, track_index
from pipeline.media.stbl import Unusual
from pipeline.media.track_index import TrackIndex

_GAP = 128 << 10  # bytes between two places that are read as well
_LEAST = 2 << 20  # bytes of media whose samples are left out
_LEVEL = 6
_HEAD = 64 << 10  # most bytes before the media


class Known(NamedTuple):
    """Consecutive bytes of a file that need not be read.

    Attributes:
        start: their place.
        content: the first of them.
        size: of all; the others are zeros.
    """

    start: int
    content: bytes
    size: int

    @classmethod
    def of(cls, start: int, content: bytes) -> Self:
        """Return bytes without zeros after them."""
        return cls(start, content, len(content))


class Excerpt(NamedTuple):
    """The known bytes of a file, and the places that will be read.

    Attributes:
        known: bytes of it.
        media: start and end of the places that will be read.
        blank: where samples are said to be that are left out; nothing is read there.
    """

    known: tuple[Known, ...] = ()
    media: tuple[tuple[int, int], ...] = ()
    blank: tuple[int, ...] = ()

    def packed(self) -> bytes:
        """Return it as bytes."""
        places = [(one.start, len(one.content), one.size) for one in self.known]
        head = json.dumps({"known": places, "media": self.media, "blank": self.blank}).encode()
        contents = b"".join(one.content for one in self.known)
        return zlib.compress(struct.pack(">I", len(head)) + head + contents, _LEVEL)

    @classmethod
    def of_packed(cls, packed: bytes) -> Self:
        """Return the excerpt of what ``packed`` returned."""
        data = zlib.decompress(packed)
        at = 4 + struct.unpack_from(">I", data)[0]
        head = json.loads(data[4:at])
        known = []
        for start, length, size in head["known"]:
            known.append(Known(start, data[at : at + length], size))
            at += length
        return cls(tuple(known), tuple((a, b) for a, b in head["media"]), tuple(head["blank"]))


def of(path: Location, probe: Probe, spans: Iterable[tuple[float, float]]) -> Iterator[Excerpt]:
    """Yield the excerpt for each span of a file; nothing where parts need the whole index.

    Args:
        path: the file that ``probe`` describes.
        probe: its record.
        spans: start and end of each part, seconds.
    """
    if "matroska" in probe.container:
        if index := matroska.read(path):
            for span in spans:
                known = tuple(Known.of(*one) for one in index.known)
                yield Excerpt(known, (index.media(*span),))
        return
    try:
        given = _Mp4.read(path)
    except (Unusual, ArithmeticError, LookupError, struct.error):  # perhaps damaged
        return
    for start_s, end_s in spans:
        yield given.excerpt(start_s, end_s)


class _Mp4(NamedTuple):
    """The index of an MP4 file.

    Attributes:
        before: the bytes before it, or some of them.
        start: its place.
        head: the header of its box.
        body: the content of its box.
        boxes: in it.
        tracks: in it; None are kept as they are.
    """

    before: bytes
    start: int
    head: bytes
    body: bytes
    boxes: Sequence[tuple[bytes, bytes]]
    tracks: Sequence[TrackIndex | None]

    @classmethod
    def read(cls, path: Location) -> Self:
        """Read the index of a file.

        Raises:
            Unusual: there is none, or one that cannot be shortened.
            LookupError: a table is missing.
            ArithmeticError: a table is damaged.
            struct.error: as before.
        """
        place = moov.place(path)
        if place is None:
            raise Unusual
        body = moov.content(path, place.body, place.end)
        boxes = list(moov.boxes(body))
        mvhd = dict(boxes)[b"mvhd"]
        (scale,) = struct.unpack_from(">I", mvhd, 20 if mvhd[0] else 12)
        if any(kind == b"mvex" for kind, _ in boxes):
            raise Unusual
        tracks = [_track(inner, scale) for kind, inner in boxes if kind == b"trak"]
        if len({b"co64" in one.boxes for one in tracks if one}) != 1:
            raise Unusual
        before = moov.content(path, 0, min(place.start, _HEAD))
        head = moov.content(path, place.start, place.body)
        return cls(before, place.start, head, body, boxes, tracks)

    def excerpt(self, start_s: float, end_s: float) -> Excerpt:
        """Return the excerpt for a part."""
        seen = [one for one in self.tracks if one and one.seen]
        begin_s = max(0.0, min((one.start_s for one in seen), default=0.0))
        start_s, end_s = begin_s + start_s, begin_s + end_s
        media = _joined(place for track in seen for place in track.media(start_s, end_s))
        index, blank = _shortened(self.boxes, self.tracks, start_s, end_s)
        room = len(self.body) - len(index)
        if room >= 8:  # noqa: PLR2004
            index += struct.pack(">I4s", room, b"free")
        elif room:
            index, blank = self.body, ()
        known = Known(self.start, self.head + index, len(self.head) + len(self.body))
        before = (Known.of(0, self.before),) if self.before else ()
        return Excerpt((*before, known), media, blank)


def _shortened(
    boxes: Sequence[tuple[bytes, bytes]],
    tracks: Sequence[TrackIndex | None],
    start_s: float,
    end_s: float,
) -> tuple[bytes, tuple[int, ...]]:
    """Return the content of an index for a part, and where its other samples are said to be."""
    usual = [one for one in tracks if one]
    left_out: list[list[tuple[range, int]]] = [[] for _ in usual]
    blank = []
    needed = sorted(span for track in usual for span in track.needed(start_s, end_s))
    for since_s, until_s in _between(needed):
        chunks = [track.chunks(since_s, until_s) for track in usual]
        # Where places rise with times, ffmpeg reads as it does with the whole index.
        track, most = max(zip(usual, chunks, strict=True), key=lambda one: len(one[1]))
        if most and track.offsets[most[-1]] - track.offsets[most[0]] >= _LEAST:
            blank.append(track.offsets[most[len(most) // 2]])
            for own, one in zip(left_out, chunks, strict=True):
                own.append((one, blank[-1]))
    changed = iter(
        track.shortened(track.runs(own)) if any(one for one, _ in own) else {}
        for track, own in zip(usual, left_out, strict=True)
    )
    places = iter(tracks)
    parts = []
    for kind, inner in boxes:
        tables = next(changed) if kind == b"trak" and next(places) else {}
        parts.append(moov.packed(kind, moov.replaced(inner, tables) if tables else inner))
    return b"".join(parts), tuple(blank)


def _track(trak: bytes, scale: int) -> TrackIndex | None:
    """Return the index of a track; None for one that is kept as it is.

    Raises:
        Unusual: it is a picture, which has most of the index.
    """
    try:
        return track_index.read(trak, scale)
    except (Unusual, LookupError, struct.error):
        if b"vide" in dict(moov.leaves(trak)).get(b"hdlr", b""):
            raise Unusual from None
        return None


def _between(spans: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Yield the times between spans, which are in order of their start."""
    reached = -math.inf
    for start, end in spans:
        if start > reached > -math.inf:
            yield reached, start
        reached = max(reached, end)


def _joined(places: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return places in order, with those joined that are near each other."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if found and start - found[-1][1] <= _GAP:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((start, end))
    return tuple(found)
