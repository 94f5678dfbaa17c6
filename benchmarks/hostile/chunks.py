"""WAV and AVI files with chunks that no writer would make."""

import math
import struct
from collections.abc import Iterator

from benchmarks.hostile.kinds import (
    ABSURD,
    ACCEPTED,
    MEMORY,
    Kind,
    clip,
    cut,
    damaged,
    ffmpeg,
    kind,
    named,
)

_WORD = 0xFFFF_FFFF
_ENDS = "accepted absurd_structure unreadable no_streams no_packets duration_mismatch too_long"
_SIX_HOURS = 6 * 3600 - 1


def _chunk(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack("<4sI", name, len(body) if size is None else size) + body


def _wave(
    rate: int,
    channels: int = 1,
    *,
    bits: int = 16,
    data: bytes = bytes(32_000),
    before: bytes = b"",
    size: int | None = None,
    align: int | None = None,
    tag: int = 1,
) -> bytes:
    width = channels * bits // 8 if align is None else align
    second = rate * width & _WORD
    form = struct.pack("<HHIIHH", tag, channels, rate, second, width & 0xFFFF, bits)
    body = b"WAVE" + _chunk(b"fmt ", form) + before + _chunk(b"data", data, size)
    return _chunk(b"RIFF", body)


def _avi(offset: int, value: int, name: bytes = b"avih") -> bytes:
    content = clip("avi")
    at = content.index(name) + 8 + offset
    return content[:at] + struct.pack("<I", value) + content[at + 4 :]


def _nested(depth: int) -> bytes:
    sizes = (12 * (depth - level) - 8 for level in range(depth))
    return b"".join(struct.pack("<4sI4s", b"LIST", size, b"rec ") for size in sizes)


def _waves() -> Iterator[Kind]:
    for rate in (0, 1, 10, 999, 1_000_000, _WORD):
        yield kind(
            f"rate-{rate}",
            f"{ABSURD} no_streams no_packets unreadable",
            lambda rate=rate: _wave(rate),
        )
    hour = bytes(2 * 3600)
    yield kind("hour-of-1-hz", ABSURD, lambda: _wave(1, data=hour))
    day = bytes(2 * _SIX_HOURS)
    yield kind("six-hours-of-1-hz", ABSURD, lambda: _wave(1, data=day))
    for channels in (0, 255, 65535):
        yield kind(f"channels-{channels}", _ENDS, lambda channels=channels: _wave(8000, channels))
    for bits in (0, 1, 7, 64, 65535):
        yield kind(f"bits-{bits}", _ENDS, lambda bits=bits: _wave(8000, bits=bits))
    yield kind("align-zero", _ENDS, lambda: _wave(8000, align=0))
    yield kind("size-lies", _ENDS, lambda: _wave(8000, size=_WORD))
    yield kind("size-zero", _ENDS, lambda: _wave(8000, size=0))
    empty = _chunk(b"LIST", b"")
    yield kind("chunks", f"{ACCEPTED} unreadable", lambda: _wave(8000, before=empty * 1_000_000))
    yield kind("nested", f"{ABSURD} {ACCEPTED}", lambda: _wave(8000, before=_nested(200_000)))
    note = _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", b"x" * 2) * 300_000)
    yield kind("notes", f"{ABSURD} {ACCEPTED}", lambda: _wave(8000, before=note))
    cues = _chunk(b"cue ", struct.pack("<I", 500_000) + bytes(24 * 500_000))
    yield kind("cues", f"{ABSURD} {ACCEPTED}", lambda: _wave(8000, before=cues))
    for name, value in (("nan", math.nan), ("infinite", math.inf), ("huge", 3e38)):
        loud = struct.pack("<ff", value, -value) * 8000
        yield kind(
            f"floats-{name}", ACCEPTED, lambda loud=loud: _wave(16_000, tag=3, bits=32, data=loud)
        )
    for tag in (2, 0x11, 0x31, 0x55, 0xFFFE):
        yield kind(f"codec-{tag}", _ENDS, lambda tag=tag: _wave(8000, tag=tag, bits=4))


def _films() -> Iterator[Kind]:
    yield kind("tiny-frames", f"{ABSURD} {ACCEPTED}", lambda: _avi(0, 1))
    # Of the header of the first stream: scale and rate follow 20 bytes.
    yield kind("fps-million", f"{ABSURD} too_long", lambda: _avi(24 - 4, 1_000_000, b"strh"))
    yield kind("scale-zero", _ENDS, lambda: _avi(20 - 4, 0, b"strh"))
    yield kind("length-lies", f"{_ENDS}", lambda: _avi(32 - 4, _WORD, b"strh"))
    yield kind("width-lies", f"{_ENDS} too_many_pixels", lambda: _avi(4, 65535, b"strf"))
    yield kind("height-negative", f"{_ENDS} too_many_pixels", lambda: _avi(8, _WORD, b"strf"))
    junk = _chunk(b"JUNK", b"")
    yield kind("junk", "unreadable", lambda: _chunk(b"RIFF", b"AVI " + junk * 1_000_000))
    list_ = _chunk(b"LIST", b"hdrl" + _nested(100_000))
    yield kind("nested", f"{ABSURD} unreadable", lambda: _chunk(b"RIFF", b"AVI " + list_))
    strl = _chunk(b"LIST", b"strl" + _chunk(b"strh", b"vidsMJPG" + bytes(48)))
    many = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", bytes(56)) + strl * 20_000)
    yield kind(
        "streams", f"{MEMORY} too_many_streams unreadable", lambda: _chunk(b"RIFF", b"AVI " + many)
    )
    index = _chunk(b"idx1", struct.pack("<4sIII", b"00dc", 16, 4, 0) * 300_000)
    yield kind("index", f"{ABSURD} {ACCEPTED}", lambda: clip("avi") + index)
    frames = _chunk(b"LIST", b"movi" + _chunk(b"00dc", b"") * 1_000_000)
    yield kind(
        "frames-empty",
        f"{ABSURD} {ACCEPTED}",
        lambda: clip("avi") + _chunk(b"RIFF", b"AVIX" + frames),
    )


def all_kinds() -> Iterator[Kind]:
    """Yield the kinds."""
    yield from named("wav", _waves())
    yield from named("avi", _films())
    silence = ("-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono", "-t", str(_SIX_HOURS))
    yield kind("six-hours-of-silence", ACCEPTED, lambda: ffmpeg("flac", *silence))
    for suffix in ("avi", "wav", "aiff", "au", "caf", "w64"):
        yield kind(f"cut-{suffix}", _ENDS, lambda suffix=suffix: cut(clip(suffix), 0.4))
        yield kind(f"head-{suffix}", f"{_ENDS} not_media", lambda suffix=suffix: clip(suffix)[:40])
        yield kind(
            f"damaged-{suffix}",
            f"{_ENDS} not_media too_many_pixels",
            lambda suffix=suffix: damaged(clip(suffix), 7),
        )
