"""Files that are read without an index: MP3 with ID3, FLAC, Ogg, transport and program streams."""

import struct
from collections.abc import Iterator

from benchmarks.hostile.kinds import ABSURD, ACCEPTED, MEMORY, Kind, clip, cut, damaged, kind, named

_ENDS = (
    "accepted absurd_structure unreadable no_streams no_packets duration_mismatch too_long "
    "not_media truncated"
)
_PACKET = 188
_MILLION = 1_000_000


def _syncsafe(size: int) -> bytes:
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def _id3(body: bytes, size: int | None = None) -> bytes:
    return b"ID3\x03\0\0" + _syncsafe(len(body) if size is None else size) + body


def _frame(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">IH", len(body), 0) + body


def _png(side: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", side, side) + b"\x08\x02\0\0\0"


def _picture(side: int, size: int = 0) -> bytes:
    return _frame(b"APIC", b"\0image/png\0\x03\0" + _png(side) + bytes(size))


def _block(kind_: int, body: bytes, *, last: bool = False) -> bytes:
    return bytes([kind_ | 0x80 * last]) + len(body).to_bytes(3) + body


def _flac(more: bytes = b"", rate: int | None = None, total: int | None = None) -> bytes:
    content = bytearray(clip("flac"))
    if rate is not None:
        at = 8 + 10
        content[at : at + 3] = (rate << 4 | content[at + 2] & 15).to_bytes(3)
    if total is not None:
        content[8 + 13 : 8 + 18] = (total & (1 << 36) - 1 | 0xF << 36).to_bytes(5)
    return bytes(content[:42]) + more + bytes(content[42:])


def _page(serial: int, body: bytes, *, first: bool = False, granule: int = 0) -> bytes:
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, 2 * first, granule, serial, 0, 0, 1)
    return head + bytes([len(body)]) + body


def _granule(value: int) -> bytes:
    content = bytearray(clip("ogg"))
    at = content.rindex(b"OggS") + 6
    content[at : at + 8] = struct.pack("<Q", value)
    return bytes(content)


def _packet(pid: int, body: bytes, *, start: bool = False) -> bytes:
    head = bytes([0x47, 0x40 * start | pid >> 8, pid & 0xFF, 0x10])
    return (head + body)[:_PACKET].ljust(_PACKET, b"\xff")


def _programs(count: int) -> bytes:
    """Return a transport stream whose first table lists many programs without a table."""
    rows = b"".join(struct.pack(">HH", 1 + n, 0xE000 | 32 + n) for n in range(min(count, 40)))
    section = b"\0\xb0" + bytes([len(rows) + 9]) + b"\0\1\xc1\0\0" + rows + bytes(4)
    return _packet(0, b"\0" + section, start=True) * (count // 40) + clip("ts")


def _elementary() -> bytes:
    """Return a transport stream with a packet of sound on each of 8,000 numbers."""
    pes = b"\0\0\1\xc0\0\0\x80\0\0" + b"\xff\xfb\x90\0" * 20
    return clip("ts") + b"".join(_packet(32 + n, pes, start=True) for n in range(8000)) * 3


def _clocks() -> bytes:
    """Return a transport stream in which the clock jumps with each packet."""
    content = bytearray(clip("ts"))
    for number, at in enumerate(range(0, len(content) - _PACKET, _PACKET)):
        if content[at + 3] & 0x20 and content[at + 5] & 0x10:
            content[at + 6 : at + 10] = struct.pack(">I", number * 0x9E3779B1 & 0xFFFFFFFF)
    return bytes(content)


def _mp3() -> Iterator[Kind]:
    sound = lambda: clip("mp3", "-id3v2_version", "0")  # noqa: E731
    yield kind(
        "picture-100-mb", f"{ABSURD} {ACCEPTED}", lambda: _id3(_picture(10, 100_000_000)) + sound()
    )
    yield kind("size-lies", _ENDS, lambda: _id3(b"", 0xFFFFFFF) + sound())
    text = _frame(b"TXXX", b"\0a\0b")
    yield kind("frames", ACCEPTED, lambda: _id3(text * 300_000) + sound())
    yield kind("tags", f"{ACCEPTED} unreadable", lambda: _id3(text) * 200_000 + sound())
    chapter = _frame(b"CHAP", b"a\0" + struct.pack(">IIII", 0, 1, 0, 0))
    yield kind("chapters", ABSURD, lambda: _id3(chapter * 200_000) + sound())
    yield kind("cover-bomb", ACCEPTED, lambda: _id3(_picture(30_000)) + sound())
    yield kind(
        "covers", f"{MEMORY} too_many_streams", lambda: _id3(_picture(10) * 50_000) + sound()
    )
    yield kind("padding", ACCEPTED, lambda: _id3(bytes(20_000_000)) + sound())
    yield kind("garbage", _ENDS, lambda: sound()[:2000] + bytes(5_000_000) + sound()[2000:])
    yield kind("short", _ENDS, lambda: sound()[:300])
    yield kind("xing-lies", _ENDS, lambda: _xing(0x7FFFFFFF))
    yield kind("xing-zero", _ENDS, lambda: _xing(0))
    yield kind("ape-tag", _ENDS, lambda: sound() + b"APETAGEX\xd0\x07\0\0" + b"\xff" * 20)
    yield kind(
        "other-rates",
        ACCEPTED,
        lambda: sound() + clip("mp3", "-ar", "8000") + clip("mp3", "-ac", "2"),
    )


def _xing(frames: int) -> bytes:
    content = bytearray(clip("mp3"))
    at = max(content.find(b"Xing"), content.find(b"Info"))
    content[at + 8 : at + 12] = struct.pack(">I", frames)
    return bytes(content)


def _flacs() -> Iterator[Kind]:
    yield kind("blocks", ACCEPTED, lambda: _flac(_block(1, b"") * 500_000))
    yield kind("padding", ACCEPTED, lambda: _flac(_block(1, bytes(16_000_000))))
    seeks = struct.pack(">QQH", 0, 0, 1) * 900_000
    yield kind("seeks", f"{ABSURD} {ACCEPTED}", lambda: _flac(_block(3, seeks[:16_777_206])))
    cover = (
        struct.pack(">II", 3, 9)
        + b"image/png"
        + struct.pack(">IIIIII", 0, 30_000, 30_000, 24, 0, 33)
    )
    yield kind("cover-bomb", _ENDS, lambda: _flac(_block(6, cover + _png(30_000) + bytes(8))))
    for rate in (0, 1, 999, 1_000_000):
        yield kind(f"rate-{rate}", _ENDS, lambda rate=rate: _flac(rate=rate))
    for total in (0, 1, (1 << 36) - 1):
        yield kind(f"samples-{total}", _ENDS, lambda total=total: _flac(total=total))


def _oggs() -> Iterator[Kind]:
    head = b"\x01vorbis" + struct.pack("<IBIiiiBB", 0, 1, 8000, 0, 0, 0, 0xB8, 1)
    pages = lambda count: b"".join(_page(n, head, first=True) for n in range(count))  # noqa: E731
    yield kind("streams", f"{ABSURD} too_many_streams unreadable", lambda: pages(50_000))
    yield kind("pages-empty", f"{ABSURD} {ACCEPTED}", lambda: clip("ogg") + _page(9, b"") * 300_000)
    for value in (0, 1 << 62, (1 << 64) - 1):
        yield kind(f"granule-{value}", _ENDS, lambda value=value: _granule(value))
    rate = lambda value: clip("ogg").replace(struct.pack("<I", 16_000), struct.pack("<I", value), 1)  # noqa: E731
    for value in (1, 0xFFFFFFFF):
        yield kind(f"rate-{value}", _ENDS, lambda value=value: rate(value))


def _transport() -> Iterator[Kind]:
    yield kind("programs", f"{ABSURD} {ACCEPTED} too_many_streams", lambda: _programs(40_000))
    yield kind("streams", f"{ABSURD} too_many_streams", _elementary)
    yield kind("clocks", f"{ACCEPTED} too_long duration_mismatch", _clocks)
    yield kind("empty", _ENDS, lambda: _packet(0x1FFF, b"") * 100_000)
    yield kind("garbage", _ENDS, lambda: clip("ts")[:9400] + bytes(5_000_000) + clip("ts")[9400:])
    yield kind("scrambled", _ENDS, _scrambled)


def _scrambled() -> bytes:
    content = bytearray(clip("ts"))
    for at in range(0, len(content), _PACKET):
        content[at + 3] |= 0xC0
    return bytes(content)


def _tag(body: bytes) -> bytes:
    """Return a tag of FLV with a script."""
    head = bytes([18]) + len(body).to_bytes(3) + bytes(7)
    return head + body + struct.pack(">I", len(head) + len(body))


def _others() -> Iterator[Kind]:
    ivf = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", 65535, 65535, 0xFFFFFFFF, 1, 9, 0)
    yield kind(
        "ivf-size",
        f"{_ENDS} too_many_pixels",
        lambda: ivf + struct.pack("<IQ", 4, 0) + b"\x9d\x01\x2a\0",
    )
    for rate in (0, 1, 0xFFFFFFFF):
        au = b".snd" + struct.pack(">IIIII", 24, 0xFFFFFFFF, 3, rate, 1) + bytes(32_000)
        yield kind(f"au-rate-{rate}", _ENDS, lambda au=au: au)
    yield kind("amr-endless", ACCEPTED, lambda: b"#!AMR\n" + b"\x3c" + bytes(31))
    yield kind("amr-million", _ENDS, lambda: b"#!AMR\n" + b"\x7c" * _MILLION)
    yield kind("adts-tiny", _ENDS, lambda: b"\xff\xf1\x50\x40\0\xff\xfc" * 200_000)
    for suffix in ("mpg", "flv", "asf", "nut", "mxf"):
        options = ("-r", "25", "-ar", "44100" if suffix == "flv" else "48000")
        if suffix not in {"gxf", "rm"}:
            made = lambda suffix=suffix, options=options: clip(suffix, *options)  # noqa: E731
            yield kind(f"cut-{suffix}", _ENDS, lambda made=made: cut(made(), 0.4))
            yield kind(
                f"damaged-{suffix}",
                f"{_ENDS} too_many_pixels elementary_stream",
                lambda made=made: damaged(made(), 3),
            )
    key = bytes.fromhex("060e2b34020501010d01020101020400")
    yield kind(
        "mxf-empty-keys",
        f"{ABSURD} unreadable {_ENDS}",
        lambda: key + b"\0" + (key + b"\0") * 300_000,
    )
    yield kind(
        "flv-empty-tags",
        f"{_ENDS} {ABSURD}",
        lambda: b"FLV\1\5\0\0\0\x09\0\0\0\0" + _tag(b"") * 300_000,
    )


def all_kinds() -> Iterator[Kind]:
    """Yield the kinds."""
    yield from named("mp3", _mp3())
    yield from named("flac", _flacs())
    yield from named("ogg", _oggs())
    yield from named("ts", _transport())
    yield from _others()
    for suffix in ("mp3", "flac", "ogg", "ts", "aac"):
        yield kind(f"cut-{suffix}", _ENDS, lambda suffix=suffix: cut(clip(suffix), 0.4))
        yield kind(f"head-{suffix}", _ENDS, lambda suffix=suffix: clip(suffix)[:60])
        yield kind(
            f"damaged-{suffix}",
            f"{_ENDS} too_many_streams",
            lambda suffix=suffix: damaged(clip(suffix), 5),
        )
