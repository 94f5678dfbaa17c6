"""The boxes of a fragmented MP4 track (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from typing import IO, NamedTuple

from pipeline.media import moov

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}
_NON_SYNC = 0x0001_0000


class Sample(NamedTuple):
    """One sample of a fragment; times are in units of the track's timescale.

    Attributes:
        duration: from its decode time to that of the next sample.
        size: in bytes.
        flags: its dependencies on other samples.
        shift: presentation time minus decode time.
    """

    duration: int
    size: int
    flags: int
    shift: int

    @property
    def sync(self) -> bool:
        """Return whether decoding can begin here."""
        return not self.flags & _NON_SYNC


class Run(NamedTuple):
    """The samples of one fragment, in order of decoding; ``decode`` is the first one's time."""

    decode: int
    samples: tuple[Sample, ...]

    @property
    def times(self) -> list[int]:
        """Return the presentation time of each sample."""
        found, decode = [], self.decode
        for sample in self.samples:
            found.append(decode + sample.shift)
            decode += sample.duration
        return found


def top_level(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    """Yield (type, offset, size) of the outermost boxes."""
    offset = 0
    while len(head := file.read(16)) >= 8:  # noqa: PLR2004 - a box header
        size, kind = struct.unpack(">I4s", head[:8])
        if size == 1:
            (size,) = struct.unpack(">Q", head[8:16])
        yield kind, offset, size
        offset += size
        file.seek(offset)


def walk(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and content of all boxes of ``body`` that hold no others, in order."""
    for kind, inner in moov.boxes(body):
        if kind in _CONTAINERS:
            yield from walk(inner)
        else:
            yield kind, inner


def run(header: dict[bytes, bytes], moof: bytes) -> Run:
    """Return the samples of a movie fragment; ``header`` has the boxes of the movie."""
    decode, default = 0, Sample(0, 0, 0, 0)
    samples: list[Sample] = []
    for kind, body in walk(moof):
        if kind == b"tfhd":
            default = _tfhd(body, header[b"trex"])
        elif kind == b"tfdt":
            (decode,) = struct.unpack_from(">q" if body[0] else ">i", body, 4)
        elif kind == b"trun":
            samples += _trun(body, default)
    return Run(decode, tuple(samples))


def _tfhd(body: bytes, trex: bytes) -> Sample:
    """Return the defaults of this fragment's samples."""
    has = int.from_bytes(body[1:4])
    _, *fields = struct.unpack_from(">4I", trex, 8)
    at = 8 + 8 * bool(has & 0x01) + 4 * bool(has & 0x02)
    for number, bit in enumerate((0x08, 0x10, 0x20)):
        if has & bit:
            (fields[number],) = struct.unpack_from(">I", body, at)
            at += 4
    duration, size, flags = fields
    return Sample(duration, size, flags, shift=0)


def _trun(body: bytes, default: Sample) -> Iterator[Sample]:
    has = int.from_bytes(body[1:4])
    (count,) = struct.unpack_from(">I", body, 4)
    at = 8 + 4 * bool(has & 0x01)
    first: int | None = None
    if has & 0x04:
        (first,) = struct.unpack_from(">I", body, at)
        at += 4
    for _ in range(count):
        own = [default.duration, default.size, default.flags if first is None else first, 0]
        for field, layout in enumerate((">I", ">I", ">I", ">i")):
            if has & 0x100 << field:
                (own[field],) = struct.unpack_from(layout, body, at)
                at += 4
        yield Sample(*own)
        first = None


def timescale(body: bytes) -> int:
    """Return the units a second of ``mvhd`` or ``mdhd``."""
    return int(struct.unpack_from(">I", body, 20 if body[0] else 12)[0])


def edit_offset(header: dict[bytes, bytes]) -> float:
    """Return presentation time minus media time, in seconds.

    Empty edits increase it, and the media time of an edit decreases it.
    """
    body = header.get(b"elst", b"\0" * 8)
    (count,) = struct.unpack_from(">I", body, 4)
    layout = ">Qq4x" if body[0] else ">Ii4x"
    scale, movie_scale = timescale(header[b"mdhd"]), timescale(header[b"mvhd"])
    offset = 0.0
    for number in range(count):
        length, media = struct.unpack_from(layout, body, 8 + number * struct.calcsize(layout))
        if media >= 0:
            return offset - float(media) / scale
        offset += length / movie_scale
    return offset
