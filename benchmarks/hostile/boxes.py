"""MP4 and QuickTime files with boxes that no writer would make."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping

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
from pipeline.media import moov

_FTYP = moov.packed(b"ftyp", b"isom\0\0\x02\0isomiso2mp41")
_TABLES = (b"stts", b"stsc", b"stsz", b"stss", b"ctts", b"stco")
_MILLIONS = 50_000_000
_WORD = 0xFFFF_FFFF


def _edited(changes: Mapping[bytes, bytes], more: bytes = b"", track: bytes = b"vide") -> bytes:
    """Return the clip with other boxes in one track, and more boxes at the end of the index."""
    content, parts = clip("mp4"), []
    for kind_, inner in moov.boxes(content):
        if kind_ != b"moov":
            parts.append(moov.packed(kind_, inner))
            continue
        index = [
            moov.packed(name, moov.replaced(body, dict(changes)))
            if name == b"trak" and track in body
            else moov.packed(name, body)
            for name, body in moov.boxes(inner)
        ]
        parts.append(moov.packed(b"moov", b"".join(index) + more))
    return b"".join(parts)


def _changed(name: bytes, offset: int, value: bytes, track: bytes = b"vide") -> bytes:
    """Return the clip with some bytes of a box of one track changed."""
    for found, body in moov.boxes(clip("mp4")):
        for one, trak in moov.boxes(body) if found == b"moov" else ():
            if one == b"trak" and track in trak:
                old = dict(moov.leaves(trak))[name]
                new = old[:offset] + value + old[offset + len(value) :]
                return _edited({name: new}, track=track)
    raise AssertionError(name)


def _table(layout: str, *rows: tuple[int, ...], count: int | None = None) -> bytes:
    packed = b"".join(struct.pack(f">{layout}", *row) for row in rows)
    return struct.pack(">II", 0, len(rows) if count is None else count) + packed


def _samples(count: int, size: int = 1) -> bytes:
    """Return the clip with a header that promises many samples of one size and one chunk."""
    return _edited(
        {
            b"stsz": struct.pack(">III", 0, size, count),
            b"stts": _table("II", (count, 1)),
            b"stsc": _table("III", (1, count, 1)),
            b"stco": _table("I", (48,)),
            b"ctts": _table("II", (count, 1)),
        }
    )


def _patient(count: int, size: int = 1) -> bytes:
    """Return the clip with many samples of a thousandth of a second, which lie in few bytes."""
    film = _samples(count, size)
    at = film.index(b"mdhd") + 16
    film = film[:at] + struct.pack(">II", 1000, count) + film[at + 8 :]
    return film + bytes(5_000_000)


def _nested(name: bytes, depth: int, around: int = 0) -> bytes:
    """Return boxes within boxes; the sizes of the outer ones lie beyond ``around`` levels."""
    heads = [struct.pack(">I4s", 8 * (depth - level), name) for level in range(depth)]
    return b"".join(heads[around:])


def _compressed(size: int) -> bytes:
    """Return an index that is compressed by zlib and has many bytes."""
    packed = zlib.compress(bytes(size), 9)
    body = moov.packed(b"dcom", b"zlib") + moov.packed(b"cmvd", struct.pack(">I", size) + packed)
    return _FTYP + moov.packed(b"moov", moov.packed(b"cmov", body))


def _fragments(count: int) -> bytes:
    """Return a fragmented file with many empty fragments."""
    head = clip("mp4", "-movflags", "frag_keyframe+empty_moov")
    traf = moov.packed(b"traf", moov.packed(b"tfhd", struct.pack(">II", 0x020000, 1)))
    one = moov.packed(b"moof", moov.packed(b"mfhd", bytes(8)) + traf)
    return head + one * count


def _run(count: int) -> bytes:
    """Return a fragment that promises many samples without a word on any."""
    head = clip("mp4", "-movflags", "frag_keyframe+empty_moov")
    tfhd = moov.packed(b"tfhd", struct.pack(">IIII", 0x020018, 1, 1, 1))
    trun = moov.packed(b"trun", struct.pack(">II", 0, count))
    return head + moov.packed(b"moof", moov.packed(b"traf", tfhd + trun)) + head


def _edits(count: int, duration: int = 1) -> bytes:
    return _edited({b"elst": _table("IiHH", *((duration, n % 90_000, 1, 0) for n in range(count)))})


def _chapters(count: int) -> bytes:
    rows = b"".join(struct.pack(">QB", n * 10, 1) + b"x" for n in range(count))
    chpl = moov.packed(b"chpl", b"\x01\0\0\0\0\0\0\0" + bytes([min(count, 255)]) + rows)
    return _edited({}, moov.packed(b"udta", chpl))


def _tags(count: int) -> bytes:
    data = moov.packed(b"data", b"\0\0\0\x01\0\0\0\0x")
    items = moov.packed(b"ilst", moov.packed(b"\xa9nam", data) * count)
    hdlr = moov.packed(b"hdlr", bytes(8) + b"mdirappl" + bytes(9))
    return _edited({}, moov.packed(b"udta", moov.packed(b"meta", bytes(4) + hdlr + items)))


def _sized(width: int, height: int) -> bytes:
    """Return the clip with another size in its sample description and its track's header."""
    content = bytearray(_changed(b"tkhd", 76, struct.pack(">II", width << 16, height << 16)))
    at = content.index(b"avc1", content.index(b"stsd")) + 28
    content[at : at + 4] = struct.pack(">HH", width & 0xFFFF, height & 0xFFFF)
    return bytes(content)


def _sound(rate: int, channels: int) -> bytes:
    content = bytearray(clip("mp4"))
    at = content.index(b"mp4a") + 4
    content[at + 16 : at + 18] = struct.pack(">H", channels & 0xFFFF)
    content[at + 24 : at + 28] = struct.pack(">I", (rate << 16) & _WORD)
    return bytes(content)


def _patched(name: bytes, offset: int, value: bytes) -> bytes:
    content = clip("mp4")
    at = content.index(name) + 4 + offset
    return content[:at] + value + content[at + len(value) :]


def _promises() -> Iterator[Kind]:
    """Yield headers that promise more than is there."""
    for count in (1_000_000, _MILLIONS, _WORD):
        yield kind(f"samples-{count}", ABSURD, lambda count=count: _samples(count))
    yield kind("samples-patient", ABSURD, lambda: _patient(20_000_000))
    yield kind("empty-samples", ABSURD, lambda: _samples(_MILLIONS, 0))
    for name in _TABLES:
        lie = _table("I", count=_WORD) if name != b"stsz" else struct.pack(">III", 0, 0, _WORD)
        made: Callable[[], bytes] = lambda name=name, lie=lie: _edited({name: lie})  # noqa: E731
        yield kind(f"{name.decode()}-lies", f"{ABSURD} unreadable no_packets accepted", made)
    yield kind("chunks", ACCEPTED, lambda: _edited({b"stsc": _table("III", (1, _WORD, 1))}))
    yield kind("stts-long", ABSURD, lambda: _edited({b"stts": _table("II", (30, _WORD))}))
    yield kind("trun", f"{ABSURD} {MEMORY}", lambda: _run(_MILLIONS))
    yield kind("cmov", f"{ABSURD} unreadable no_streams", lambda: _compressed(200_000_000))
    yield kind("covr", ACCEPTED, lambda: _edited({}, moov.packed(b"udta", bytes(20_000_000))))


def _counts() -> Iterator[Kind]:
    """Yield files with more of something than anyone writes."""
    yield kind("edits-20000", ABSURD, lambda: _edits(20_000))
    yield kind("edits-1001", ABSURD, lambda: _edits(1_001))
    yield kind("edits-999", ACCEPTED, lambda: _edits(999))
    yield kind("edits-negative", "too_long", lambda: _edits(50, -1 & _WORD))
    yield kind("free-million", ABSURD, lambda: _FTYP + moov.packed(b"free", b"") * 1_000_000)
    yield kind("free-in-moov", ABSURD, lambda: _edited({}, moov.packed(b"free", b"") * 1_000_000))
    yield kind(
        "tracks-empty", f"{ABSURD} too_many_streams", lambda: _edited({}, _track() * 100_000)
    )
    yield kind("tracks-1000", "too_many_streams absurd_structure", lambda: _edited({}, _real(1000)))
    yield kind("fragments", ACCEPTED, lambda: _fragments(300_000))
    yield kind("chapters", ACCEPTED, lambda: _chapters(255))
    yield kind("tags", f"{ABSURD} {ACCEPTED}", lambda: _tags(200_000))
    yield kind("nested-moov", "unreadable truncated absurd_structure", lambda: _deep(b"moov"))
    yield kind("nested-udta", f"{ABSURD} unreadable {ACCEPTED}", lambda: _deep(b"udta"))
    yield kind("nested-meta", f"{ABSURD} unreadable no_streams", lambda: _deep(b"trak"))


def _track() -> bytes:
    return moov.packed(b"trak", b"")


def _real(count: int) -> bytes:
    for name, body in moov.boxes(clip("mp4")):
        if name == b"moov":
            return next(moov.packed(b"trak", x) for n, x in moov.boxes(body) if n == b"trak") * (
                count
            )
    raise AssertionError


def _deep(name: bytes) -> bytes:
    return _FTYP + moov.packed(b"moov", _nested(name, 200_000))


def _values() -> Iterator[Kind]:
    """Yield files with odd numbers where they count."""
    sizes = ((0, 0), (0, 36), (1, 1), (65535, 65535), (16, 16384), (16384, 16), (8192, 8192))
    for width, height in sizes:
        yield kind(
            f"size-{width}x{height}",
            "accepted too_many_pixels no_streams",
            lambda width=width, height=height: _sized(width, height),
        )
    for scale in (0, 1, 3, _WORD):
        value = struct.pack(">I", scale)
        yield kind(
            f"timescale-{scale}",
            "accepted absurd_structure too_long no_packets duration_mismatch",
            lambda value=value: _changed(b"mdhd", 12, value),
        )
        yield kind(
            f"film-timescale-{scale}",
            "accepted duration_mismatch absurd_structure no_packets",
            lambda value=value: _patched(b"mvhd", 12, value),
        )
    yield kind("duration-lie", "duration_mismatch", lambda: _patched(b"mvhd", 16, b"\x7f" * 4))
    for rate, channels in ((0, 1), (1, 1), (65535, 1), (48000, 0), (48000, 65535), (48000, 255)):
        yield kind(
            f"sound-{rate}-{channels}",
            "accepted absurd_structure no_streams",
            lambda rate=rate, channels=channels: _sound(rate, channels),
        )
    yield kind("matrix-zero", ACCEPTED, lambda: _changed(b"tkhd", 40, bytes(36)))
    yield kind("matrix-huge", ACCEPTED, lambda: _changed(b"tkhd", 40, b"\x7f\xff\xff\xff" * 9))
    yield kind("codec-data", "accepted unreadable", lambda: _patched(b"avcC", 0, b"\xff" * 40))
    yield kind("sound-data", "accepted unreadable", lambda: _patched(b"esds", 0, b"\xff" * 30))
    yield kind("reference", "accepted no_packets", lambda: _patched(b"url ", 0, b"\0\0\0\0"))
    for size in (0, 1, 7):
        yield kind(
            f"box-size-{size}",
            "accepted unreadable truncated no_packets no_streams absurd_structure",
            lambda size=size: _resized(b"mdia", size),
        )
    yield kind("box-64-bit", "accepted truncated unreadable", lambda: _resized(b"mdat", 1))


def _resized(name: bytes, size: int) -> bytes:
    content = clip("mp4")
    at = content.index(name) - 4
    return content[:at] + struct.pack(">I", size) + content[at + 4 :]


def _rates() -> Iterator[Kind]:
    """Yield real packets at absurd times."""

    def at(rate: str, scale: int, frames: int = 100, *more: str) -> bytes:
        clock = ("-vf", f"settb=1/{scale},setpts=N", "-video_track_timescale", str(scale))
        given = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=30")
        return ffmpeg("mp4", *given, *clock, "-r", rate, "-frames:v", str(frames), *more)

    yield kind("fps-1000000", ABSURD, lambda: at("1000000", 1_000_000))
    yield kind("fps-10000", ABSURD, lambda: at("10000", 10_000))
    yield kind("fps-1000", ACCEPTED, lambda: at("1000", 1_000))
    yield kind("fps-million-9", ACCEPTED, lambda: at("1000000", 1_000_000, 9))
    slow = ("-f", "lavfi", "-i", "testsrc2=size=64x36:rate=1/3600")
    yield kind("six-hours", ACCEPTED, lambda: ffmpeg("mp4", *slow, "-t", "21000"))
    yield kind("day", "too_long", lambda: ffmpeg("mp4", *slow, "-t", "90000"))


def all_kinds() -> Iterator[Kind]:
    """Yield the kinds."""
    found = (*_promises(), *_counts(), *_values(), *_rates())
    yield from named("mp4", iter(found))
    ends = "accepted truncated unreadable no_packets no_streams duration_mismatch"
    for percent in (1, 10, 50, 90, 99):
        yield kind(
            f"cut-mp4-{percent}", ends, lambda percent=percent: cut(clip("mp4"), percent / 100)
        )
        front = ("-movflags", "+faststart")
        yield kind(
            f"cut-front-{percent}",
            ends,
            lambda percent=percent, front=front: cut(clip("mp4", *front), percent / 100),
        )
    for seed in range(4):
        yield kind(
            f"damaged-mp4-{seed}",
            f"{ends} absurd_structure too_long too_many_pixels",
            lambda seed=seed: damaged(clip("mp4", "-movflags", "+faststart"), seed),
        )
