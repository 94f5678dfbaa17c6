"""Matroska and WebM files with elements that no writer would make."""

import struct
import zlib
from collections.abc import Iterator

from benchmarks.hostile.kinds import ABSURD, ACCEPTED, MEMORY, Kind, clip, cut, damaged, kind, named

_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    0x1A45DFA3,
    0x18538067,
    0x1549A966,
    0x1654AE6B,
    0x1F43B675,
)
_VOID, _CUES, _TAGS, _CHAPTERS, _ATTACHMENTS = 0xEC, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469
_UNKNOWN = b"\x01" + b"\xff" * 7
_SECOND = 1_000_000_000
_ENDS = "accepted unreadable no_streams no_packets duration_mismatch too_long absurd_structure"


def _element(number: int, *content: bytes) -> bytes:
    body = b"".join(content)
    return _id(number) + struct.pack(">Q", 1 << 56 | len(body)) + body


def _id(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8)


def _number(number: int, value: int) -> bytes:
    return _element(number, value.to_bytes(8))


def _real(number: int, value: float) -> bytes:
    return _element(number, struct.pack(">d", value))


def _head() -> bytes:
    return _element(_EBML, _element(0x4282, b"matroska"), _number(0x4287, 4), _number(0x4285, 2))


def _film(*parts: bytes, info: bytes = b"", track: bytes = b"", blocks: int = 30) -> bytes:
    """Return a file with a track of MJPEG pictures of one colour, and more elements."""
    picture = _picture()
    tracks = _element(
        _TRACKS,
        _element(
            0xAE,
            *(_number(0xD7, 1), _number(0x73C5, 1), _number(0x83, 1)),
            _element(0x86, b"V_MJPEG"),
            track or _element(0xE0, _number(0xB0, 64), _number(0xBA, 36)),
        ),
    )
    simple = [
        _element(0xA3, b"\x81", struct.pack(">hB", 40 * number, 0x80), picture)
        for number in range(blocks)
    ]
    cluster = _element(_CLUSTER, _number(0xE7, 0), *simple)
    facts = _element(_INFO, info or _number(0x2AD7B1, 1_000_000))
    return _head() + _element(_SEGMENT, facts, tracks, *parts, cluster)


def _picture() -> bytes:
    from benchmarks.hostile.kinds import ffmpeg  # noqa: PLC0415 - made only when wanted

    gray = ("-f", "lavfi", "-i", "color=gray:size=64x36", "-frames:v", "1", "-f", "mjpeg")
    return ffmpeg("jpg", *gray)


def _nested(number: int, depth: int) -> bytes:
    """Return elements within elements, each with a size of four bytes."""
    id_ = _id(number)
    step = len(id_) + 4
    sizes = (step * (depth - level - 1) for level in range(depth))
    return b"".join(id_ + struct.pack(">I", 0x1000_0000 | size) for size in sizes)


def _sound(rate: float, channels: int) -> bytes:
    track = _element(
        0xAE,
        *(_number(0xD7, 1), _number(0x73C5, 1), _number(0x83, 2)),
        _element(0x86, b"A_PCM/INT/LIT"),
        _element(0xE1, _real(0xB5, rate), _number(0x9F, channels), _number(0x6264, 16)),
    )
    block = _element(0xA3, b"\x81\0\0\x80", bytes(3200))
    cluster = _element(_CLUSTER, _number(0xE7, 0), block * 5)
    facts = _element(_INFO, _number(0x2AD7B1, 1_000_000))
    return _head() + _element(_SEGMENT, facts, _element(_TRACKS, track), cluster)


def _counts() -> Iterator[Kind]:
    """Yield files with more of something than anyone writes."""
    void = b"\xec\x80"
    yield kind("voids", ACCEPTED, lambda: _film(void * 1_000_000))
    yield kind(
        "voids-in-head", "unreadable", lambda: _head() + _element(_SEGMENT, void * 3_000_000)
    )
    cluster = _element(_CLUSTER, _number(0xE7, 0))
    yield kind("clusters-empty", ACCEPTED, lambda: _film(cluster * 300_000))
    block = _element(0xA3, b"\x81\0\0\x80")
    yield kind("blocks-empty", ACCEPTED, lambda: _film(_element(_CLUSTER, block * 1_000_000)))
    lace = _element(0xA3, b"\x81\0\0\x84\xff")
    yield kind("laces", ACCEPTED, lambda: _film(_element(_CLUSTER, lace * 200_000)))
    atom = _element(0xB6, _number(0x73C4, 1), _number(0x91, 0))
    chapters = _element(_CHAPTERS, _element(0x45B9, atom * 200_000))
    yield kind("chapters", f"{ABSURD} {ACCEPTED}", lambda: _film(chapters))
    tag = _element(0x7373, _element(0x67C8, _element(0x45A3, b"x"), _element(0x4487, b"y")))
    yield kind("tags", f"{ABSURD} {ACCEPTED}", lambda: _film(_element(_TAGS, tag * 200_000)))
    file = _element(
        0x61A7, _element(0x466E, b"x"), _element(0x4660, b"a/b"), _element(0x465C, b"z")
    )
    yield kind(
        "attachments",
        f"{ABSURD} too_many_streams",
        lambda: _film(_element(_ATTACHMENTS, file * 100_000)),
    )
    large = _element(0x61A7, _element(0x466E, b"x"), _element(0x465C, bytes(60_000_000)))
    yield kind("attachment", ACCEPTED, lambda: _film(_element(_ATTACHMENTS, large)))
    cue = _element(0xBB, _number(0xB3, 1), _element(0xB7, _number(0xF7, 1), _number(0xF1, 1)))
    yield kind("cues", ACCEPTED, lambda: _film(_element(_CUES, cue * 300_000)))
    entry = _element(0xAE, _number(0xD7, 2), _number(0x83, 1), _element(0x86, b"V_VP8"))
    yield kind(
        "tracks", f"{MEMORY} too_many_streams", lambda: _film(_element(_TRACKS, entry * 20_000))
    )


def _depths() -> Iterator[Kind]:
    """Yield elements within elements."""
    yield kind(
        "deep-chapters",
        f"{ABSURD} {ACCEPTED} unreadable",
        lambda: _film(_element(_CHAPTERS, _element(0x45B9, _nested(0xB6, 100_000)))),
    )
    yield kind(
        "deep-tags",
        f"{ABSURD} {ACCEPTED} unreadable",
        lambda: _film(_element(_TAGS, _element(0x7373, _nested(0x67C8, 100_000)))),
    )
    yield kind(
        "deep-segments",
        f"{ABSURD} unreadable no_streams",
        lambda: _head() + _nested(_SEGMENT, 100_000),
    )
    unknown = _id(_CLUSTER) + _UNKNOWN
    yield kind("unknown-clusters", f"{ABSURD} {ACCEPTED}", lambda: _film() + unknown * 300_000)


def _values() -> Iterator[Kind]:
    """Yield files with odd numbers where they count."""
    for scale in (0, 1, 1 << 40, 1 << 62):
        yield kind(
            f"scale-{scale}", _ENDS, lambda scale=scale: _film(info=_number(0x2AD7B1, scale))
        )
    for value in (float("nan"), float("inf"), 1e300, -1.0):
        info = _number(0x2AD7B1, 1_000_000) + _real(0x4489, value)
        yield kind(f"duration-{value}", _ENDS, lambda info=info: _film(info=info))
    for width, height in ((0, 0), (1, 1), (1 << 31, 1 << 31), (65535, 65535), (16, 16384)):
        size = _element(0xE0, _number(0xB0, width), _number(0xBA, height))
        yield kind(
            f"size-{width}x{height}",
            f"{_ENDS} too_many_pixels",
            lambda size=size: _film(track=size),
        )
    video = _element(0xE0, _number(0xB0, 64), _number(0xBA, 36))
    for default in (1, 1000, 1 << 62):
        yield kind(
            f"frame-duration-{default}",
            _ENDS,
            lambda default=default: _film(track=video + _number(0x23E383, default)),
        )
    for rate in (0.5, 1.0, 999.0, 1e9, float("nan"), float("inf"), -8000.0):
        yield kind(f"rate-{rate}", f"{_ENDS}", lambda rate=rate: _sound(rate, 1))
    for channels in (0, 255, 1 << 31):
        yield kind(
            f"channels-{channels}", _ENDS, lambda channels=channels: _sound(8000.0, channels)
        )
    yield kind("zlib-bomb", _ENDS, _bomb)


def _bomb() -> bytes:
    """Return a file whose pictures are compressed and a hundred times larger."""
    packed = zlib.compress(bytes(100_000_000), 9)
    zipped = _element(0x6D80, _element(0x6240, _element(0x5034, _number(0x4254, 0))))
    video = _element(0xE0, _number(0xB0, 64), _number(0xBA, 36))
    bomb = _element(_CLUSTER, _element(0xA3, b"\x81\0\0\x80", packed) * 20)
    return _film(bomb, track=video + zipped, blocks=1)


def all_kinds() -> Iterator[Kind]:
    """Yield the kinds."""
    yield from named("mkv", iter((*_counts(), *_depths(), *_values())))
    for percent in (1, 10, 50, 90):
        yield kind(
            f"cut-mkv-{percent}",
            f"{_ENDS} truncated",
            lambda percent=percent: cut(clip("mkv"), percent / 100),
        )
    for seed in range(4):
        yield kind(
            f"damaged-mkv-{seed}",
            f"{_ENDS} too_many_pixels not_media",
            lambda seed=seed: damaged(clip("mkv"), seed),
        )
