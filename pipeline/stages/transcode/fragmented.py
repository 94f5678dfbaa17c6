"""The writing of fragmented MP4: the header of a file, and the headers of its fragments."""

import struct
from collections.abc import Iterator

from pipeline.media import moov
from pipeline.media.moov import packed
from pipeline.stages.transcode.boxes import Run

_SYNC, _NO_SYNC = 0x0200_0000, 0x0101_0000
_TFHD = 0x02_00_20  # the base is the moof; default flags
_TFHD_OF_SOUND = _TFHD | 0x08  # and a default duration
_TRUN = 0x01_00_0B_05  # version 1; data offset, first flags; duration, size and shift of each
_TRUN_OF_SIZES = 0x02_01  # data offset; size of each
_TRUN_OF_BOTH = 0x03_01  # and duration of each


def header(content: bytes, delay: int) -> bytes:
    """Return the header of a file with an edit list of ``delay``, and without user data."""
    return b"".join(_edited(content, delay))


def of_picture(run: Run, number: int) -> bytes:
    """Return the ``moof`` of a GOP, whose media follows in an ``mdat``."""
    rows = b"".join(struct.pack(">2Ii", s.duration, s.size, s.shift) for s in run.samples)
    return _moof(
        number,
        struct.pack(">3I", _TFHD, 1, _NO_SYNC),
        run,
        _TRUN,
        struct.pack(">I", _SYNC) + rows,
    )


def of_sound(run: Run, number: int) -> bytes:
    """Return the ``moof`` of frames of sound, whose media follows in an ``mdat``."""
    usual = run.samples[0].duration
    tfhd = struct.pack(">4I", _TFHD_OF_SOUND, 1, usual, _SYNC)
    if all(sample.duration == usual for sample in run.samples):
        rows = b"".join(struct.pack(">I", s.size) for s in run.samples)
        return _moof(number, tfhd, run, _TRUN_OF_SIZES, rows)
    rows = b"".join(struct.pack(">2I", s.duration, s.size) for s in run.samples)
    return _moof(number, tfhd, run, _TRUN_OF_BOTH, rows)


def _moof(number: int, tfhd: bytes, run: Run, flags: int, rows: bytes) -> bytes:
    """Return a ``moof``; ``rows`` is what a ``trun`` with these flags has after its data offset."""

    def made(offset: int) -> bytes:
        head = struct.pack(">IIi", flags, len(run.samples), offset)
        traf = (
            packed(b"tfhd", tfhd)
            + packed(b"tfdt", struct.pack(">Iq", 0x0100_0000, run.decode))
            + packed(b"trun", head + rows)
        )
        mfhd = packed(b"mfhd", struct.pack(">2I", 0, number))
        return packed(b"moof", mfhd + packed(b"traf", traf))

    return made(len(made(0)) + 8)


def _edited(content: bytes, delay: int) -> Iterator[bytes]:
    """Yield the boxes of a header with another edit list, and without user data."""
    for kind, body in moov.boxes(content):
        if kind in (b"moov", b"trak"):
            yield packed(kind, b"".join(_edited(body, delay)))
        elif kind == b"tkhd":
            yield packed(kind, body)
            elst = struct.pack(">3Ii2H", 0, 1, 0, delay, 1, 0)
            yield packed(b"edts", packed(b"elst", elst))
        elif kind not in (b"edts", b"udta"):
            yield packed(kind, body)
