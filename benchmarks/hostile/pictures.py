"""Real media of sizes, rates and kinds that cost much to decode."""

from collections.abc import Iterator

from benchmarks.hostile.kinds import ACCEPTED, Kind, clip, ffmpeg, kind, named

_WIDE = "8192x4320"
_PALE = "color=gray:size={}:rate={}"
_FAST = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "9999", "-pix_fmt", "yuv420p")
_HDR = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
_ENDS = f"{ACCEPTED} too_many_pixels unreadable"


def _pale(size: str, rate: int, seconds: float, *options: str, suffix: str = "mp4") -> bytes:
    given = ("-f", "lavfi", "-i", _PALE.format(size, rate), "-t", str(seconds))
    return ffmpeg(suffix, *given, *(options or _FAST))


def _large() -> Iterator[Kind]:
    yield kind("one-picture", ACCEPTED, lambda: _pale(_WIDE, 1, 1))
    yield kind("ten-seconds", ACCEPTED, lambda: _pale(_WIDE, 10, 10))
    yield kind("interlaced", ACCEPTED, lambda: _pale(_WIDE, 10, 2, *_FAST, "-flags", "+ilme+ildct"))
    yield kind("hdr", ACCEPTED, lambda: _pale(_WIDE, 10, 2, *_FAST, *_HDR))
    yield kind("odd-shape", ACCEPTED, lambda: _pale(_WIDE, 5, 1, "-vf", "setsar=4/1", *_FAST))
    mjpeg = ("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "31")
    yield kind("mjpeg", ACCEPTED, lambda: _pale(_WIDE, 10, 1, *mjpeg, suffix="avi"))
    png = ("-c:v", "png", "-compression_level", "9")
    yield kind("png", ACCEPTED, lambda: _pale(_WIDE, 5, 1, *png, suffix="mov"))
    flat = ("-c:v", "qtrle")
    yield kind("qtrle", ACCEPTED, lambda: _pale("4096x2160", 25, 2, *flat, suffix="mov"))
    yield kind("ffv1", ACCEPTED, lambda: _pale("4096x2160", 10, 1, "-c:v", "ffv1", suffix="mkv"))
    vp8 = ("-c:v", "libvpx", "-cpu-used", "16", "-deadline", "realtime", "-b:v", "10k")
    yield kind("vp8", ACCEPTED, lambda: _pale("8192x4096", 5, 2, *vp8, suffix="webm"))
    yield kind(
        "gif-codec", ACCEPTED, lambda: _pale("4096x2160", 10, 2, "-c:v", "gif", suffix="mkv")
    )


def _odd() -> Iterator[Kind]:
    for size in ("16x16384", "16384x16", "2x2", "16x4096", "2x8192"):
        yield kind(f"size-{size}", _ENDS, lambda size=size: _pale(size, 5, 1))
    yield kind(
        "size-65500x16",
        _ENDS,
        lambda: _pale("65500x16", 5, 1, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", suffix="avi"),
    )
    yield kind("grows", _ENDS, lambda: clip("ts") + _pale(_WIDE, 5, 1, *_FAST, suffix="ts"))
    raw = ("-c:v", "rawvideo", "-pix_fmt", "gray")
    yield kind("raw-gray", ACCEPTED, lambda: _pale("16x16", 100, 600, *raw, suffix="avi"))
    yield kind("fps-999", ACCEPTED, lambda: _pale("64x36", 999, 10))
    yield kind("still-six-hours", ACCEPTED, lambda: _pale("64x36", 1, 21_000))


def _beside() -> Iterator[Kind]:
    sub = "".join(f"{n}\n00:00:01,{n % 900:03d} --> 00:00:01,950\nx\n\n" for n in range(1, 60_000))
    yield kind("subtitles", ACCEPTED, lambda: _with(sub))
    yield kind(
        "subtitle-line",
        ACCEPTED,
        lambda: _with("1\n00:00:00,100 --> 00:00:01,000\n" + "x" * 900_000),
    )
    marks = "<script>alert(1)</script>{\\an8}&lt;" * 1000
    yield kind(
        "subtitle-marks", ACCEPTED, lambda: _with(f"1\n00:00:00,100 --> 00:00:01,000\n{marks}\n")
    )
    cover = ("-f", "lavfi", "-i", "color=red:size=8000x8000", "-frames:v", "1")
    yield kind("cover", ACCEPTED, lambda: _covered(cover))


def _with(text: str) -> bytes:
    import tempfile  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "s.srt").write_text(text)
        (Path(folder) / "v.mp4").write_bytes(clip("mp4"))
        given = ("-i", f"{folder}/v.mp4", "-i", f"{folder}/s.srt")
        return ffmpeg("mkv", *given, "-map", "0", "-map", "1", "-c", "copy")


def _covered(cover: tuple[str, ...]) -> bytes:
    import tempfile  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "c.png").write_bytes(ffmpeg("png", *cover))
        (Path(folder) / "a.mp3").write_bytes(clip("mp3"))
        given = ("-i", f"{folder}/a.mp3", "-i", f"{folder}/c.png")
        return ffmpeg("mp3", *given, "-map", "0", "-map", "1", "-c", "copy", "-id3v2_version", "3")


def all_kinds() -> Iterator[Kind]:
    """Yield the kinds."""
    yield from named("8k", _large())
    yield from _odd()
    yield from _beside()
