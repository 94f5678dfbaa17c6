"""The probe of a media file: by content, checked against its packets, within limits."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.core.errors import BadInput, LimitExceeded
from pipeline.core.media_info import Limits, Probe
from pipeline.media import ffmpeg, streams
from pipeline.media.process import Caps
from pipeline.media.sniff import describe, is_mp4

# Recordings in these containers are often concatenated without a correction of their clocks.
_CLOCK_JUMPS = {"mpegts", "mpeg"}
_NO_PACKETS = "The file has a header but no media after it."
_DEFAULT_LIMITS = Limits()
_PIXELS = 1 << 26  # ffmpeg decodes only the frames that it needs to read the streams


def probe(path: Path, limits: Limits = _DEFAULT_LIMITS) -> Probe:
    """Read the container and the tracks of ``path`` within seconds; its name does not matter.

    Raises:
        BadInput: ``empty_file``, ``not_media`` (text, a playlist, an image, …), ``truncated``
            (no index), ``unreadable``, ``no_streams``, ``duration_mismatch`` (less than half of
            the header's duration is there).
        LimitExceeded: ``too_large``, ``too_long``, ``too_many_pixels``, ``too_many_streams``.
    """
    size = path.stat().st_size if path.is_file() else 0
    if size == 0:
        raise BadInput("empty_file", "The file is empty. Was the upload cut off?")
    if size > limits.max_bytes:
        raise LimitExceeded(
            "too_large", f"The file has {size:,} bytes; at most {limits.max_bytes:,} are allowed."
        )
    if wrong := describe(path):
        raise BadInput("not_media", f"This is {wrong}, not a video or audio file.")
    raw = _headers(path)
    found = raw.get("streams", [])
    if len(found) > limits.max_streams:
        raise LimitExceeded(
            "too_many_streams",
            f"The file has {len(found)} streams; at most {limits.max_streams} are allowed.",
        )
    form = raw.get("format", {})
    start = streams.seconds(form.get("start_time"))
    video = streams.video(found, start)
    audio = tuple(streams.audio(s, start) for s in found if streams.is_audio(s))
    if video is None and not audio:
        raise BadInput("no_streams", "The file holds no video and no audio that can be decoded.")
    if video and video.coded_width * video.coded_height > limits.max_pixels:
        raise LimitExceeded(
            "too_many_pixels",
            f"The picture has {video.coded_width} x {video.coded_height} pixels; "
            f"at most {limits.max_pixels:,} are allowed.",
        )
    container = form.get("format_name", "")
    wanted = {s.index for s in (video, *audio) if s}
    if container in _CLOCK_JUMPS:
        duration, cut_off = _played(path, wanted), False  # their headers give no duration
    else:
        duration, cut_off = _duration(path, streams.seconds(form.get("duration")), start, wanted)
    if duration > limits.max_duration_s:
        raise LimitExceeded(
            "too_long",
            f"The media lasts {duration:.0f} s; at most {limits.max_duration_s:.0f} s are allowed.",
        )
    return Probe(
        container=container,
        duration_s=duration,
        size_bytes=size,
        video=video,
        audio=audio,
        cut_off=cut_off,
    )


def _headers(path: Path) -> dict[str, Any]:
    try:
        with ffmpeg.probing(path, "-of", "json", "-show_format", "-show_streams") as child:
            text = child.read(16 * 1024**2)
            ffmpeg.judge(child)
    except BadInput as error:
        if is_mp4(path) and "moov atom not found" in str(child.complaints):
            raise BadInput(
                "truncated",
                "The file is cut off: the index at the end of an MP4 file is missing. Upload the "
                "complete file.",
            ) from None
        raise BadInput(
            "unreadable", "The file is not in a known media format, or its header is damaged."
        ) from error
    return dict(json.loads(text))


def _duration(path: Path, promised: float, start: float, wanted: set[int]) -> tuple[float, bool]:
    """Measure the end of the last packet, since headers can be wrong.

    Returns:
        duration in seconds, and whether the file is cut off.
    """
    seek = start + max(0.0, promised - 10.0)
    end = _last_packet(path, seek, wanted) if seek > start else None
    if end is None:  # a short file, no duration in the header, or a container without seeking
        end = _last_packet(path, None, wanted)
    if end is None:
        raise BadInput("no_packets", _NO_PACKETS)
    measured = max(0.0, end - start)
    missing = promised - measured
    if missing > max(5.0, promised / 2):
        raise BadInput(
            "duration_mismatch",
            f"The header gives a duration of {_clock(promised)}, but the file has only "
            f"{_clock(measured)} of media: it is damaged or cut off.",
        )
    return measured, missing > max(2.0, promised / 20)


def _last_packet(path: Path, seek_s: float | None, wanted: set[int]) -> float | None:
    """Return the end of the last packet after ``seek_s``, in the file's time; None without one."""
    where = () if seek_s is None else ("-read_intervals", f"{seek_s:.3f}%")
    entries = "packet=stream_index,pts_time,dts_time,duration_time"
    end: float | None = None
    try:
        with ffmpeg.probing(path, *where, "-show_entries", entries, "-of", "csv=p=0") as child:
            for line in child.lines():
                index, pts, dts, length, *_ = (*line.split(","), "", "", "")
                time_s = (
                    streams.number(pts) if streams.number(pts) is not None else streams.number(dts)
                )
                if time_s is not None and index.isdigit() and int(index) in wanted:
                    end = max(end or 0.0, time_s + (streams.number(length) or 0.0))
            ffmpeg.judge(child)
    except BadInput:
        if seek_s is None and end is None:
            raise
    return end


def _played(path: Path, wanted: set[int]) -> float:
    """Measure a file whose clock may jump, such as concatenated recordings, without the jumps."""
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    given = ffmpeg.source(path, max_pixels=_PIXELS, threads=1)
    tracks = [given[str(index)] for index in sorted(wanted)]
    node = fluent.output(*tracks, "pipe:1", format="framecrc", c="copy")
    units: dict[str, Fraction] = {}
    end: Fraction | None = None
    with ffmpeg.pipe(node, caps=Caps(wall_s=300), threads=1) as child:
        for line in child.lines():
            if line.startswith("#tb "):
                number, unit = line.removeprefix("#tb ").split(": ")
                units[number] = Fraction(unit)
            elif not line.startswith("#"):
                number, _, pts, length, *_ = (word.strip() for word in line.split(","))
                end = max(end or Fraction(0), (int(pts) + int(length)) * units[number])
        ffmpeg.judge(child)
    if end is None:
        raise BadInput("no_packets", _NO_PACKETS)
    return float(end)


def _clock(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"
