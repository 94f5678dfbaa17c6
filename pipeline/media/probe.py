"""What a file really is: decided by its content, checked against its packets, within limits."""

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import BadInput, LimitExceeded
from pipeline.media import ffmpeg
from pipeline.media.sniff import describe, is_mp4

_HDR: dict[str, Literal["pq", "hlg"]] = {"smpte2084": "pq", "arib-std-b67": "hlg"}
_SANE_SAR = (Fraction(1, 4), Fraction(4))


@dataclass(frozen=True)
class Limits:
    """The largest input this installation takes; the fields are those of ``Settings``."""

    max_bytes: int = 20 * 1024**3
    max_duration_s: float = 6 * 3600.0
    max_pixels: int = 8192 * 4352
    max_streams: int = 32


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class VideoStream(_Frozen):
    """The video track that is shown.

    Times are seconds on the file's own timeline, whose 0 is the earliest of its streams: the
    timeline on which a player shows it, and on which every result of the pipeline is given.
    """

    index: int = Field(description="Stream index in the file")
    codec: str
    profile: str | None = None
    level: int | None = Field(None, description="As the codec counts: 41 is H.264 level 4.1")
    pix_fmt: str
    bit_depth: int
    coded_width: int = Field(description="Stored pixels, before rotation and pixel shape")
    coded_height: int
    width: int = Field(description="As displayed: upright, in square pixels")
    height: int
    rotation: Literal[0, 90, 180, 270] = Field(0, description="Degrees clockwise to upright")
    square_pixels: bool = True
    fps: float = Field(description="Average frame rate; 25 where the file gives none")
    vfr: bool = Field(False, description="Frame times are not evenly spaced")
    interlaced: bool = False
    time_base: str = Field(description="Unit of its timestamps in seconds, a fraction")
    start_s: float = Field(0.0, description="When its first frame is shown")
    bit_rate: int | None = Field(None, description="Bits a second, where known")
    color_range: str | None = None
    color_space: str | None = None
    color_primaries: str | None = None
    color_transfer: str | None = None

    @property
    def hdr(self) -> Literal["pq", "hlg"] | None:
        """The HDR transfer function, if it has one."""
        return _HDR.get(self.color_transfer or "")


class AudioStream(_Frozen):
    """One audio track."""

    index: int = Field(description="Stream index in the file")
    codec: str
    channels: int
    sample_rate: int
    language: str | None = Field(None, description="As the file tags it, e.g. eng; None if und")
    title: str | None = None
    default: bool = False
    start_s: float = Field(0.0, description="When it starts on the file's timeline")
    bit_rate: int | None = None


class Probe(_Frozen):
    """A media file as it is. At least one of ``video`` and ``audio`` is there.

    Attributes:
        container: the demuxer's name, e.g. ``mov,mp4,m4a,3gp,3g2,mj2``.
        duration_s: from the first packet to the end of the last one, as measured; 0 when a file
            holds one frame without duration.
        cut_off: the header promises noticeably more than there is.
    """

    container: str
    duration_s: float
    size_bytes: int
    video: VideoStream | None = None
    audio: tuple[AudioStream, ...] = ()
    cut_off: bool = False


def probe(path: Path, limits: Limits = Limits()) -> Probe:
    """Read what ``path`` is, within seconds and whatever its name says.

    Raises:
        BadInput: ``empty_file``, ``not_media`` (text, a playlist, an image, …), ``truncated``
            (no index), ``unreadable``, ``no_streams``, ``duration_mismatch`` (less than half of
            what the header promises is there).
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
    streams = raw.get("streams", [])
    if len(streams) > limits.max_streams:
        raise LimitExceeded(
            "too_many_streams",
            f"The file has {len(streams)} streams; at most {limits.max_streams} are allowed.",
        )
    form = raw.get("format", {})
    start = _seconds(form.get("start_time"))
    video = _video(streams, start)
    audio = tuple(_audio(s, start) for s in streams if _is_audio(s))
    if video is None and not audio:
        raise BadInput("no_streams", "The file holds no video and no audio that can be decoded.")
    if video and video.coded_width * video.coded_height > limits.max_pixels:
        raise LimitExceeded(
            "too_many_pixels",
            f"The picture has {video.coded_width} x {video.coded_height} pixels; "
            f"at most {limits.max_pixels:,} are allowed.",
        )
    wanted = {s.index for s in (video, *audio) if s}
    duration, cut_off = _duration(path, _seconds(form.get("duration")), start, wanted)
    if duration > limits.max_duration_s:
        raise LimitExceeded(
            "too_long",
            f"The media lasts {duration:.0f} s; at most {limits.max_duration_s:.0f} s are allowed.",
        )
    return Probe(
        container=form.get("format_name", ""),
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
                "The file is cut off: the index that MP4 files keep at their end is missing. "
                "Upload it again, completely.",
            ) from None
        raise BadInput(
            "unreadable", "The file is not media of a kind we know, or its header is damaged."
        ) from error
    return dict(json.loads(text))


def _duration(path: Path, promised: float, start: float, wanted: set[int]) -> tuple[float, bool]:
    """Measure where the packets end, since headers lie; (seconds, whether it was cut off)."""
    seek = start + max(0.0, promised - 10.0)
    end = _last_packet(path, seek, wanted) if seek > start else None
    if end is None:  # a short file, no promise, or a container that cannot seek
        end = _last_packet(path, None, wanted)
    if end is None:
        raise BadInput("no_packets", "The file has a header but no media behind it.")
    measured = max(0.0, end - start)
    missing = promised - measured
    if missing > max(5.0, promised / 2):
        raise BadInput(
            "duration_mismatch",
            f"The header promises {_clock(promised)}, but there are only {_clock(measured)} of "
            "media: the file is damaged or cut off.",
        )
    return measured, missing > max(2.0, promised / 20)


def _last_packet(path: Path, seek_s: float | None, wanted: set[int]) -> float | None:
    """End of the last packet after ``seek_s``, in the file's own time; None if there is none."""
    where = () if seek_s is None else ("-read_intervals", f"{seek_s:.3f}%")
    entries = "packet=stream_index,pts_time,dts_time,duration_time"
    end: float | None = None
    try:
        with ffmpeg.probing(path, *where, "-show_entries", entries, "-of", "csv=p=0") as child:
            for line in child.lines():
                index, pts, dts, length, *_ = (*line.split(","), "", "", "")
                time_s = _number(pts) if _number(pts) is not None else _number(dts)
                if time_s is not None and index.isdigit() and int(index) in wanted:
                    end = max(end or 0.0, time_s + (_number(length) or 0.0))
            ffmpeg.judge(child)
    except BadInput:
        if seek_s is None and end is None:
            raise
    return end


def _video(streams: list[dict[str, Any]], start: float) -> VideoStream | None:
    found = [
        s
        for s in streams
        if s.get("codec_type") == "video"
        and s.get("codec_name")
        and s.get("width")
        and not s.get("disposition", {}).get("attached_pic")
    ]
    if not found:
        return None
    raw = max(found, key=lambda s: (s["disposition"]["default"], -s["index"]))
    coded = (int(raw["width"]), int(raw["height"]))
    sar = _pixel_shape(raw.get("sample_aspect_ratio"))
    rotation = _rotation(raw)
    shown = (max(1, round(coded[0] * sar)), coded[1])
    width, height = shown if rotation in (0, 180) else shown[::-1]
    average, nominal = _fraction(raw.get("avg_frame_rate")), _fraction(raw.get("r_frame_rate"))
    fps = float(average or nominal or 25)
    return VideoStream(
        index=raw["index"],
        codec=raw["codec_name"],
        profile=raw.get("profile"),
        level=raw.get("level") if raw.get("level", -99) > 0 else None,
        pix_fmt=raw.get("pix_fmt", "unknown"),
        bit_depth=_bit_depth(raw),
        coded_width=coded[0],
        coded_height=coded[1],
        width=width,
        height=height,
        rotation=rotation,
        square_pixels=sar == 1,
        fps=fps,
        vfr=bool(average and nominal and abs(average / nominal - 1) > Fraction(1, 200)),
        interlaced=raw.get("field_order", "progressive") not in ("progressive", "unknown"),
        time_base=raw["time_base"],
        start_s=_seconds(raw.get("start_time"), start) - start,
        bit_rate=_integer(raw.get("bit_rate")),
        **{
            key: value if (value := raw.get(key)) != "unknown" else None
            for key in ("color_range", "color_space", "color_primaries", "color_transfer")
        },
    )


def _is_audio(raw: dict[str, Any]) -> bool:
    return bool(
        raw.get("codec_type") == "audio"
        and raw.get("codec_name")
        and raw.get("channels")
        and _integer(raw.get("sample_rate"))
    )


def _audio(raw: dict[str, Any], start: float) -> AudioStream:
    tags = {key.lower(): value for key, value in raw.get("tags", {}).items()}
    language = tags.get("language")
    return AudioStream(
        index=raw["index"],
        codec=raw["codec_name"],
        channels=raw["channels"],
        sample_rate=int(raw["sample_rate"]),
        language=language if language not in ("und", "") else None,
        title=tags.get("title"),
        default=bool(raw["disposition"]["default"]),
        start_s=_seconds(raw.get("start_time"), start) - start,
        bit_rate=_integer(raw.get("bit_rate")),
    )


def _rotation(raw: dict[str, Any]) -> Literal[0, 90, 180, 270]:
    """Clockwise, unlike ffprobe; other angles than quarter turns do not change a frame's size."""
    turns: dict[int, Literal[0, 90, 180, 270]] = {0: 0, 90: 90, 180: 180, 270: 270}
    for side in raw.get("side_data_list", []):
        if "rotation" in side:
            return turns.get(-int(side["rotation"]) % 360, 0)
    return 0


def _pixel_shape(text: str | None) -> Fraction:
    """Width of a pixel over its height; 1 where the file says nothing or nonsense."""
    sar = _fraction((text or "").replace(":", "/"))
    return sar if sar and _SANE_SAR[0] <= sar <= _SANE_SAR[1] else Fraction(1)


def _bit_depth(raw: dict[str, Any]) -> int:
    if depth := _integer(raw.get("bits_per_raw_sample")):
        return depth
    pix_fmt = raw.get("pix_fmt", "")
    return next((n for n in (10, 12, 14, 16) if f"p{n}" in pix_fmt or f"p0{n}" in pix_fmt), 8)


def _fraction(text: str | None) -> Fraction | None:
    try:
        value = Fraction(text or "0")
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _seconds(text: str | None, default: float = 0.0) -> float:
    value = _number(text or "")
    return default if value is None else value


def _integer(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() and int(text) else None


def _clock(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"
