"""The contents of a fragmented MP4 track, read from its boxes (ISO/IEC 14496-12 and -14)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.core.errors import BadInput, Bug

_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex", b"moof", b"traf"}
_NON_SYNC = 0x0001_0000


class Fragment(NamedTuple):
    """One ``moof`` with its ``mdat``: a GOP of video, or about two seconds of audio.

    Attributes:
        offset: start in the file, in bytes.
        size: size in bytes.
        start_s: presentation time of its earliest sample.
        end_s: end of presentation of its last sample.
        key: it begins with a sync sample and has no other: one closed, seekable GOP.
    """

    offset: int
    size: int
    start_s: float
    end_s: float
    key: bool


@dataclass(frozen=True)
class Track:
    """A file with one track.

    Attributes:
        path: the file.
        codecs: RFC 6381 codec string, from the decoder configuration.
        init_size: number of the file's first bytes that initialise a decoder (``ftyp``, ``moov``).
        fragments: in order of time.
    """

    path: Path
    codecs: str
    init_size: int
    fragments: tuple[Fragment, ...]

    @property
    def start_s(self) -> float:
        """Return the start of the first fragment; slightly below 0 for audio with priming."""
        return self.fragments[0].start_s

    @property
    def end_s(self) -> float:
        """Return the end of presentation of the last sample."""
        return max(f.end_s for f in self.fragments)


class _Box(NamedTuple):
    kind: bytes
    body: bytes


def read(path: Path) -> Track:
    """Read the boxes of ``path``; media data is skipped.

    Raises:
        BadInput: ``undecodable``: ffmpeg decoded nothing to write to this file.
    """
    fragments: list[Fragment] = []
    header: dict[bytes, bytes] = {}
    init_size, moof_at, moof = 0, 0, b""
    with path.open("rb") as file:
        for kind, offset, size in _top_level(file):
            if kind in (b"moov", b"moof"):
                file.seek(offset + 8)
                body = file.read(size - 8)
                if kind == b"moov":
                    header = dict(_walk(body))
                    init_size = offset + size
                else:
                    moof_at, moof = offset, body
            elif kind == b"mdat" and moof:
                start, end, key = _times(header, moof)
                fragments.append(Fragment(moof_at, offset + size - moof_at, start, end, key))
                moof = b""
    if not fragments or b"stsd" not in header:
        raise BadInput("undecodable", "This track could not be decoded.")
    return Track(path, _codecs(header[b"stsd"]), init_size, tuple(fragments))


def _top_level(file: IO[bytes]) -> Iterator[tuple[bytes, int, int]]:
    offset = 0
    while len(head := file.read(16)) >= 8:  # noqa: PLR2004 - a box header
        size, kind = struct.unpack(">I4s", head[:8])
        if size == 1:
            (size,) = struct.unpack(">Q", head[8:16])
        yield kind, offset, size
        offset += size
        file.seek(offset)


def _walk(body: bytes) -> Iterator[_Box]:
    at = 0
    while at + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        inner = body[at + 8 : at + size]
        if kind in _CONTAINERS:
            yield from _walk(inner)
        else:
            yield _Box(kind, inner)
        at += max(size, 8)


def _times(header: dict[bytes, bytes], moof: bytes) -> tuple[float, float, bool]:
    """Return start and end in seconds, and whether the first sample is the only sync sample."""
    scale = _timescale(header[b"mdhd"])
    default_flags, default_duration = 0, 0
    decode = 0
    starts: list[int] = []
    ends: list[int] = []
    sync: list[bool] = []
    for kind, body in _walk(moof):
        if kind == b"tfhd":
            default_duration, default_flags = _tfhd(body, header[b"trex"])
        elif kind == b"tfdt":
            (decode,) = struct.unpack_from(">q" if body[0] else ">i", body, 4)
        elif kind == b"trun":
            for duration, flags, shift in _trun(body, default_duration, default_flags):
                starts.append(decode + shift)
                ends.append(decode + shift + duration)
                sync.append(not flags & _NON_SYNC)
                decode += duration
    offset = _edit_offset(header)
    return min(starts) / scale + offset, max(ends) / scale + offset, sync[0] and not any(sync[1:])


def _tfhd(body: bytes, trex: bytes) -> tuple[int, int]:
    """Return the default (duration, flags) of this fragment's samples."""
    has = int.from_bytes(body[1:4])
    _, duration, _, flags = struct.unpack_from(">4I", trex, 8)
    at = 8 + 8 * bool(has & 0x01) + 4 * bool(has & 0x02)
    if has & 0x08:
        (duration,) = struct.unpack_from(">I", body, at)
        at += 4
    at += 4 * bool(has & 0x10)
    if has & 0x20:
        (flags,) = struct.unpack_from(">I", body, at)
    return duration, flags


def _trun(body: bytes, duration: int, flags: int) -> Iterator[tuple[int, int, int]]:
    """Yield (duration, flags, composition offset) of each sample."""
    has = int.from_bytes(body[1:4])
    (count,) = struct.unpack_from(">I", body, 4)
    at = 8 + 4 * bool(has & 0x01)
    first: int | None = None
    if has & 0x04:
        (first,) = struct.unpack_from(">I", body, at)
        at += 4
    for _ in range(count):
        own = [duration, 0, flags if first is None else first, 0]
        for field, layout in enumerate((">I", ">I", ">I", ">i")):
            if has & 0x100 << field:
                (own[field],) = struct.unpack_from(layout, body, at)
                at += 4
        yield own[0], own[2], own[3]
        first = None


def _timescale(body: bytes) -> int:
    return int(struct.unpack_from(">I", body, 20 if body[0] else 12)[0])


def _edit_offset(header: dict[bytes, bytes]) -> float:
    """Return presentation time minus media time, in seconds.

    Empty edits increase it, and the media time of an edit decreases it.
    """
    body = header.get(b"elst", b"\0" * 8)
    (count,) = struct.unpack_from(">I", body, 4)
    layout = ">Qq4x" if body[0] else ">Ii4x"
    scale, movie_scale = _timescale(header[b"mdhd"]), _timescale(header[b"mvhd"])
    offset = 0.0
    for number in range(count):
        length, media = struct.unpack_from(layout, body, 8 + number * struct.calcsize(layout))
        if media >= 0:
            return offset - float(media) / scale
        offset += length / movie_scale
    return offset


def _codecs(stsd: bytes) -> str:
    """Return the CODECS value: avc1.PPCCLL from avcC, mp4a.40.N from esds."""
    if (at := stsd.find(b"avcC")) >= 0:
        return f"avc1.{stsd[at + 5 : at + 8].hex()}"
    if (at := stsd.find(b"esds")) >= 0 and (kind := _audio_object_type(stsd[at + 8 :])):
        return f"mp4a.40.{kind}"
    raise Bug("unknown_codec", "A rendition holds neither H.264 nor AAC.")


def _audio_object_type(descriptors: bytes) -> int:
    """Return the audio object type, the upper five bits of the AudioSpecificConfig.

    The AudioSpecificConfig is in the DecoderSpecificInfo (tag 5).
    """
    at = 0
    skip = {0x03: 3, 0x04: 13}  # ES_Descriptor, DecoderConfigDescriptor: fields before the next
    while at < len(descriptors):
        tag = descriptors[at]
        at += 1
        while descriptors[at] & 0x80:  # lengths are base 128, most significant part first
            at += 1
        at += 1
        if tag == 0x05:  # noqa: PLR2004
            return descriptors[at] >> 3
        if tag not in skip:
            break
        at += skip[tag]
    return 0
