"""One run of ffmpeg that encodes a span of a source: video per rung, and audio per language.

The whole of a source has its sound encoded with it. Of a part, the packets of sound are copied for
``packets``, and the frames keep the times of the film. Decoding begins at a keyframe before the
part, so that its first frames follow what they follow in the film. It ends with the first frame
after the part, which tells when the last one ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.core.location import Location
from pipeline.core.media_info import Probe, VideoStream
from pipeline.media import ffmpeg, picture, seeking
from pipeline.stages.transcode import cascade, h264, ladder, packets, sound
from pipeline.stages.transcode.cascade import Quality, Renditions
from pipeline.stages.transcode.spans import Span

_MP4 = {
    "format": "mp4",
    "map_metadata": -1,  # it may contain the recording location
    "map_chapters": -1,
}
# A fragment per GOP. The moov is delayed: packets give decoder configuration and edit list.
_SOUND = {**_MP4, "movflags": "+frag_keyframe+delay_moov+default_base_moof"}
_PART_OF_SOUND = {**_MP4, "movflags": "+empty_moov+default_base_moof"}
# With times of the source, also if they begin late: an edit list would round that to 1 ms.
_PICTURE = {**_MP4, "movflags": f"{_SOUND['movflags']}+frag_discont"}
_AUDIO_FRAGMENT_US = 2_000_000
_MAX_TIME_BASE = 1_000_000
_COARSEST_S = Fraction(1, 5000)
_BEFORE_S = 0.05  # a frame this much before a span is decoded, too


@dataclass(frozen=True)
class Outputs:
    """The files that a run of ffmpeg writes.

    Attributes:
        pictures: one a rung.
        sounds: one for each wanted track: encoded, or packets of a part.
    """

    pictures: Sequence[Path]
    sounds: Sequence[Path]


def node(
    path: Location,
    probe: Probe,
    wanted: Renditions,
    quality: Quality,
    span: Span,
    outputs: Outputs,
    *,
    blank: bool = False,
) -> Any:
    """Return the ffmpeg-python node of the run.

    The source is decoded once; each rung is scaled from the one above it.

    Args:
        path: the source.
        probe: its record.
        wanted: the tracks to make.
        quality: the encoding options.
        span: the part of the film.
        outputs: the files to write.
        blank: whether black frames replace those of the source.
    """
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    video = probe.video
    if video is None:
        raise ValueError("they need a picture")
    seek_s = 0.0 if span.first else seeking.before(path, probe, span.start_s - _BEFORE_S)
    begin: dict[str, Any] = seeking.options(seek_s)
    source = ffmpeg.source(path, max_pixels=picture.max_pixels(video), **begin)
    made = []
    if wanted.copied:
        until = {} if span.last else {"to": f"{span.end_s + cascade.ahead(video, quality):.6f}"}
        track = source[str(video.index)]
        made.append(fluent.output(track, _name(outputs.pictures[0]), c="copy", **until, **_PICTURE))
    encoded = list(zip(wanted.rungs, outputs.pictures, strict=True))[wanted.copied :]
    keyframes = _keyframes(video, wanted, quality, span)
    shown_from = None if blank else source[str(video.index)]
    rungs = [rung for rung, _ in encoded]
    held = not (wanted.copied or blank)
    pictures = cascade.frames(shown_from, video, rungs, quality, span, held=held)
    for (rung, target), shown in zip(encoded, pictures, strict=True):
        settings = h264.options(
            rung,
            crf=quality.crf,
            preset=quality.preset,
            keyframes=keyframes,
            b_frames=wanted.b_frames,
        )
        time_base = (
            {} if cascade.resampled(video, quality) else {"enc_time_base": _time_base(video)}
        )
        options = {"vsync": "vfr", "threads": ffmpeg.thread_count(), **settings, **time_base}
        made.append(fluent.output(shown, _name(target), **options, **_PICTURE))
    for track, target in zip(wanted.audio, outputs.sounds, strict=True):
        if span.whole:
            filters = sound.filters(track, probe.duration_s, wanted.gains.get(track.index))
            heard = source[str(track.index)]
            made.append(encoded_sound(heard, target, filters, quality.audio_bps))
        else:
            made.append(packets.output(source, path, track, span, target))
    merged = fluent.merge_outputs(*made)
    if span.whole:
        return ffmpeg.on_whole_clock(merged, source, probe.streams)
    return merged.global_args(*seeking.ONE_CLOCK)


def encoded_sound(
    given: Any, target: Path, filters: str, audio_bps: int, *, part: bool = False
) -> Any:
    """Return the ffmpeg-python output of a track of sound.

    Args:
        given: the track.
        target: the file.
        filters: of ffmpeg.
        audio_bps: bits per second.
        part: whether it is a part of a track, with a header that does not depend on the sound.
    """
    import ffmpeg as fluent  # noqa: PLC0415 - see node()

    return fluent.output(
        given,
        _name(target),
        af=filters,
        frag_duration=_AUDIO_FRAGMENT_US,
        ac=2,
        **{"c:a": "aac", "b:a": audio_bps},
        **(_PART_OF_SOUND if part else _SOUND),
    )


def _keyframes(video: VideoStream, wanted: Renditions, quality: Quality, span: Span) -> str:
    if wanted.copied:
        return "source"
    if span.whole:
        start_s = 0.0 if cascade.resampled(video, quality) else video.start_s
        return h264.every(quality.gop_s, start_s)
    return h264.at(span.multiples(quality.gop_s))


def frame_rate(video: VideoStream, quality: Quality) -> float:
    """Return the frames per second of the encoded renditions."""
    capped = ladder.capped_rate(video.fps, quality.max_fps)
    return float(capped) if capped else video.fps


def _time_base(video: VideoStream) -> str:
    """Return the source's time base, so that frames keep their exact times; else 1/90000.

    1/90000 replaces a time base of 0 or with too large a denominator. A coarse time base is
    divided, for repeated frames at times between its ticks.
    """
    base = Fraction(video.time_base)
    if base.denominator > _MAX_TIME_BASE or not base.numerator:
        return "1/90000"
    while base > _COARSEST_S:
        base /= 10
    return str(base)


def _name(path: Path) -> str:
    return f"file:{path}"
