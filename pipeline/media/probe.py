"""The probe of a media file: by content, checked against its packets, within limits."""

import json
from fractions import Fraction
from typing import Any

from pipeline.core.errors import BadInput, LimitExceeded
from pipeline.core.location import Location, size_of
from pipeline.core.media_info import CLOCK_JUMPS, Limits, Probe
from pipeline.media import ffmpeg, light, streams, structure
from pipeline.media.process import Caps
from pipeline.media.sniff import describe, elementary, is_mp4

_NO_PACKETS = "The file has a header but no media after it."
_ESTIMATED = "Estimating duration from bitrate"
_DEFAULT_LIMITS = Limits()
_HEADERS = ("-of", "json", "-show_format", "-show_streams", "-show_chapters")
_HOLE_S = Fraction(1, 4)  # shorter ones are usual where recordings are joined
_MOST_SAID = 16 * 1024**2  # bytes that ffprobe says of a file; of a long film, some kB
_PIXELS = 1 << 26  # ffmpeg decodes only the frames that it needs to read the streams


def probe(path: Location, limits: Limits = _DEFAULT_LIMITS) -> Probe:
    """Read the container and the tracks of ``path`` within seconds; its name does not matter.

    Raises:
        BadInput: ``empty_file``, ``not_media`` (text, a playlist, an image, …),
            ``elementary_stream``, ``truncated`` (no index), ``unreadable``, ``no_streams``,
            ``no_packets``, ``duration_mismatch`` (less than half of the header's duration is
            there), ``absurd_structure`` (see ``pipeline.media.structure``).
        LimitExceeded: ``too_large``, ``too_long``, ``too_many_pixels``, ``too_many_streams``.
    """
    size = size_of(path)
    if size == 0:
        raise BadInput("empty_file", "The file is empty. Was the upload cut off?")
    if size > limits.max_bytes:
        raise LimitExceeded(
            "too_large", f"The file has {size:,} bytes; at most {limits.max_bytes:,} are allowed."
        )
    _check_kind(path)
    if is_mp4(path):
        structure.check_boxes(path)
    raw, estimated = _headers(path)
    found = streams.titled(raw.get("streams", []))
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
    if container in CLOCK_JUMPS:
        # Their headers give no duration.
        duration, hole = _played(path, wanted, {track.index for track in audio})
        cut_off = False
    else:
        promised = 0.0 if estimated else streams.seconds(form.get("duration"))
        duration, cut_off, untimed = _duration(path, promised, start, wanted)
        hole = None
        if video and video.index in untimed:
            video = video.model_copy(update={"timed": False})
    structure.check_streams(video, audio, duration)
    if duration > limits.max_duration_s:
        raise LimitExceeded(
            "too_long",
            f"The media lasts {duration:.0f} s; at most {limits.max_duration_s:.0f} s are allowed.",
        )
    return Probe(
        container=container,
        duration_s=duration,
        size_bytes=size,
        video=light.with_peak(path, video) if video else None,
        audio=audio,
        subtitles=tuple(streams.subtitle(s) for s in found if streams.is_subtitle(s)),
        chapters=len(raw.get("chapters", [])),
        cut_off=cut_off,
        hole=hole,
    )


def _check_kind(path: Location) -> None:
    """Check that the first bytes are not those of something else."""
    if wrong := describe(path):
        raise BadInput("not_media", f"This is {wrong}, not a video or audio file.")
    if codec := elementary(path):
        raise BadInput(
            "elementary_stream",
            f"This is an elementary stream ({codec}), which has no times. Put it into a container "
            "at its frame rate, for example with MP4Box or mkvmerge.",
        )


def _headers(path: Location) -> tuple[dict[str, Any], bool]:
    """Return what ffprobe reads, and whether it estimated the duration from the bit rate."""
    try:
        with ffmpeg.probing(path, *_HEADERS, "-loglevel", "repeat+level+warning") as child:
            text = child.read(_MOST_SAID)
            if len(text) == _MOST_SAID:
                raise structure.absurd("The tags and chapters are longer than 16 MB")
            said = str(ffmpeg.judge(child))
    except BadInput as error:
        if error.code == "absurd_structure":
            raise
        if is_mp4(path) and "moov atom not found" in str(child.complaints):
            raise BadInput(
                "truncated",
                "The file is cut off: the index at the end of an MP4 file is missing. Upload the "
                "complete file.",
            ) from None
        raise BadInput(
            "unreadable", "The file is not in a known media format, or its header is damaged."
        ) from error
    return dict(json.loads(text)), _ESTIMATED in said


def _duration(
    path: Location, promised: float, start: float, wanted: set[int]
) -> tuple[float, bool, set[int]]:
    """Measure the end of the last packet, since headers can be wrong.

    Headers give a length or, where the clock does not begin at 0, the time of the end. The shorter
    of both is expected, as only the writer of the file knows which it is.

    Args:
        path: the file.
        promised: the header's duration in seconds; 0 without one.
        start: when the earliest stream starts on the file's own clock, seconds.
        wanted: indices of the streams that count.

    Returns:
        duration in seconds, whether the file is cut off, and the streams whose packets lack
        presentation times.
    """
    expected = promised - start if 0 < start < promised else promised
    seek = start + max(0.0, expected - 10.0)
    end, untimed = _last_packet(path, seek, wanted) if seek > start else (None, set[int]())
    if end is None:  # a short file, no duration in the header, or a container without seeking
        end, untimed = _last_packet(path, None, wanted)
    if end is None:
        raise BadInput("no_packets", _NO_PACKETS)
    measured = max(0.0, end - start)
    missing = expected - measured
    if missing > max(5.0, expected / 2):
        raise BadInput(
            "duration_mismatch",
            f"The header gives a duration of {_clock(expected)}, but the file has only "
            f"{_clock(measured)} of media: it is damaged or cut off.",
        )
    return measured, missing > max(2.0, expected / 20), untimed


def _last_packet(
    path: Location, seek_s: float | None, wanted: set[int]
) -> tuple[float | None, set[int]]:
    """Read the packets after ``seek_s``.

    Returns:
        the end of the last one, in the file's time; None without one. Also the streams whose
        packets have decoding times only.
    """
    where = () if seek_s is None else ("-read_intervals", f"{seek_s:.3f}%")
    entries = "packet=stream_index,pts_time,dts_time,duration_time"
    end: float | None = None
    untimed: set[int] = set()
    try:
        with ffmpeg.probing(path, *where, "-show_entries", entries, "-of", "csv=p=0") as child:
            for line in child.lines():
                index, pts, dts, length, *_ = (*line.split(","), "", "", "")
                time_s = streams.number(pts)
                shown = time_s is not None
                time_s = time_s if shown else streams.number(dts)
                if time_s is not None and index.isdigit() and int(index) in wanted:
                    untimed |= set() if shown else {int(index)}
                    after = time_s + (streams.number(length) or 0.0)
                    end = after if end is None else max(end, after)
            ffmpeg.judge(child)
    except BadInput:
        if seek_s is None and end is None:
            raise
    return end, untimed


def _played(
    path: Location, wanted: set[int], heard: set[int]
) -> tuple[float, tuple[float, float] | None]:
    """Measure a file whose clock may jump, such as concatenated recordings, without the jumps.

    Where recordings were joined, the last sound of one may follow the first picture of the next.
    ffmpeg then corrects the clock twice, and a hole as long as a part remains.

    Args:
        path: the file.
        wanted: indices of the streams that count.
        heard: indices of the sound tracks.

    Returns:
        duration in seconds, and the longest hole in the sound: its start and end in seconds.
    """
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    given = ffmpeg.source(path, max_pixels=_PIXELS, threads=1)
    order = sorted(wanted)
    tracks = [given[str(index)] for index in order]
    node = fluent.output(*tracks, "pipe:1", format="framecrc", c="copy")
    units: dict[str, Fraction] = {}
    ends: dict[str, Fraction] = {}
    hole: tuple[Fraction, Fraction] | None = None
    with ffmpeg.pipe(node, caps=Caps(wall_s=300), threads=1) as child:
        for line in child.lines():
            if line.startswith("#tb "):
                number, unit = line.removeprefix("#tb ").split(": ")
                units[number] = Fraction(unit)
            elif not line.startswith("#"):
                number, _, pts, length, *_ = (word.strip() for word in line.split(","))
                time, after = (units[number] * n for n in (int(pts), int(pts) + int(length)))
                last = ends.setdefault(number, time)
                if order[int(number)] in heard and time - last > max(_HOLE_S, _length(hole)):
                    hole = last, time
                ends[number] = max(last, after)
        ffmpeg.judge(child)
    if not ends:
        raise BadInput("no_packets", _NO_PACKETS)
    return float(max(ends.values())), (float(hole[0]), float(hole[1])) if hole else None


def _length(span: tuple[Fraction, Fraction] | None) -> Fraction:
    return span[1] - span[0] if span else Fraction(0)


def _clock(seconds: float) -> str:
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.0f} s"
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours} h {rest // 60:02d} min" if hours else f"{rest // 60} min {rest % 60:02d} s"
