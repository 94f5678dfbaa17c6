"""The contents of a fragmented MP4 track, read from its boxes (ISO/IEC 14496-12 and -14)."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from pipeline.core.errors import BadInput, Bug
from pipeline.stages.transcode import boxes


class Fragment(NamedTuple):
    """One ``moof`` with its ``mdat``: a GOP of video, or about two seconds of audio.

    Attributes:
        offset: start in the file, in bytes.
        size: size in bytes.
        start_s: presentation time of its earliest sample.
        end_s: end of presentation of its last frame.
    """

    offset: int
    size: int
    start_s: float
    end_s: float


class Samples(NamedTuple):
    """The samples of a fragment in order of decoding; times are in units of the timescale.

    Attributes:
        offset: of the first one's bytes in the file.
        decode: decode time of the first one.
        sizes: in bytes.
        durations: until the next one is decoded, as pairs of a number of samples and their value.
        shifts: presentation times minus decode times; empty if all are 0.
    """

    offset: int
    decode: int
    sizes: tuple[int, ...]
    durations: tuple[tuple[int, int], ...]
    shifts: tuple[int, ...]


class Track(BaseModel):
    """A file with one track.

    Attributes:
        name: the file below the work directory.
        codecs: RFC 6381 codec string, from the decoder configuration.
        header: the file's first bytes, which initialise a decoder (``ftyp``, ``moov``), as
            hexadecimal digits.
        fragments: in order of time.
        samples: of each fragment, for an index of the file; empty if none is wanted.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    codecs: str
    header: str
    fragments: tuple[Fragment, ...]
    samples: tuple[Samples, ...] = ()

    @property
    def init(self) -> bytes:
        """Return the header as bytes."""
        return bytes.fromhex(self.header)

    @property
    def start_s(self) -> float:
        """Return the start of the first fragment; slightly below 0 for audio with priming."""
        return self.fragments[0].start_s

    @property
    def end_s(self) -> float:
        """Return the end of presentation of the last sample."""
        return max(f.end_s for f in self.fragments)


class Found(NamedTuple):
    """A fragment of a file as it is: ``media`` and ``size`` are the place of its samples' bytes."""

    offset: int
    media: int
    size: int
    run: boxes.Run


def header(path: Path) -> tuple[bytes, dict[bytes, bytes]]:
    """Return the bytes of ``ftyp`` and ``moov``, and the boxes of the latter.

    Raises:
        BadInput: ``undecodable``: ffmpeg decoded nothing to write to this file.
    """
    with path.open("rb") as file:
        for kind, offset, size in boxes.top_level(file):
            if kind == b"moov":
                file.seek(0)
                content = file.read(offset + size)
                found = dict(boxes.walk(content[offset + 8 :]))
                if b"stsd" in found:
                    return content, found
    raise BadInput("undecodable", "This track could not be decoded.")


def fragments(path: Path, given: dict[bytes, bytes]) -> Iterator[Found]:
    """Yield the fragments of a file whose header is ``given``; media data is skipped."""
    moof_at, moof = 0, b""
    with path.open("rb") as file:
        for kind, offset, size in boxes.top_level(file):
            if kind == b"moof":
                file.seek(offset + 8)
                moof_at, moof = offset, file.read(size - 8)
            elif kind == b"mdat" and moof:
                yield Found(moof_at, offset + 8, size - 8, boxes.run(given, moof))
                moof = b""


def read(path: Path, name: str) -> Track:
    """Read the boxes of a file of sound, which is called ``name`` in the result.

    Raises:
        BadInput: ``undecodable``: ffmpeg decoded nothing to write to this file.
    """
    init, given = header(path)
    scale, shift_s = boxes.timescale(given[b"mdhd"]), boxes.edit_offset(given)
    found = list(fragments(path, given))
    if not found:
        raise BadInput("undecodable", "This track could not be decoded.")
    made = []
    for one in found:
        times = one.run.times
        end = max(times) + one.run.samples[-1].duration
        size = one.media + one.size - one.offset
        start_s, end_s = min(times) / scale + shift_s, end / scale + shift_s
        made.append(Fragment(one.offset, size, start_s, end_s))
    listed = tuple(samples(one.media, one.run) for one in found)
    return Track(
        name=name,
        codecs=codecs(given[b"stsd"]),
        header=init.hex(),
        fragments=tuple(made),
        samples=listed,
    )


def samples(offset: int, run: boxes.Run) -> Samples:
    """Return the samples of a fragment whose media begins at ``offset`` of its file."""
    shifts = tuple(sample.shift for sample in run.samples)
    return Samples(
        offset,
        run.decode,
        tuple(sample.size for sample in run.samples),
        runs(sample.duration for sample in run.samples),
        shifts if any(shifts) else (),
    )


def runs(values: Iterator[int]) -> tuple[tuple[int, int], ...]:
    """Return values as pairs of a number of equal ones and their value."""
    return tuple((sum(1 for _ in equal), value) for value, equal in groupby(values))


def codecs(stsd: bytes) -> str:
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
