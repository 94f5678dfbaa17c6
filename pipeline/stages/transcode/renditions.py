"""One run of ffmpeg that turns a source into all its tracks: video per rung, sound per language."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.core.media_info import AudioStream, Probe, VideoStream
from pipeline.media import ffmpeg, picture
from pipeline.stages.transcode import h264, ladder
from pipeline.stages.transcode.ladder import Rung

# A fragment per GOP; the decoder configuration and the edit list are known only once packets are.
_FRAGMENTED = {
    "format": "mp4",
    "movflags": "+frag_keyframe+delay_moov+default_base_moof",
    "map_metadata": -1,  # it may hold where the video was taken
    "map_chapters": -1,
}
_AUDIO_FRAGMENT_US = 2_000_000
_MAX_TIME_BASE = 1_000_000


@dataclass(frozen=True)
class Plan:
    """What to make of a source.

    Attributes:
        rungs: video renditions, largest first.
        copied: the first of them is the source's own video.
        audio: tracks to encode.
    """

    rungs: Sequence[Rung]
    copied: bool
    audio: Sequence[AudioStream]


@dataclass(frozen=True)
class Quality:
    """How it is encoded; see the stage's parameters."""

    crf: int
    preset: str
    gop_s: float
    max_fps: float
    audio_bps: int


def node(
    path: Path, probe: Probe, plan: Plan, quality: Quality, work: Path, *, threads: int | None
) -> tuple[Any, list[Path], list[Path]]:
    """The ffmpeg-python node of the run, and the files of its video and audio tracks.

    The source is decoded once; each rung is scaled from the one above it.
    """
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    video = probe.video
    if video is None:
        raise ValueError("a plan needs a picture")
    source = ffmpeg.source(path, max_pixels=picture.max_pixels(video), threads=threads)
    videos = [work / f"{rung.name}.mp4" for rung in plan.rungs]
    outputs = []
    if plan.copied:
        outputs.append(
            fluent.output(source[str(video.index)], _name(videos[0]), c="copy", **_FRAGMENTED)
        )
    encoded = list(zip(plan.rungs, videos, strict=True))[plan.copied :]
    pictures = _cascade(source[str(video.index)], video, [r for r, _ in encoded], quality)
    for (rung, target), shown in zip(encoded, pictures, strict=True):
        settings = h264.options(
            rung,
            crf=quality.crf,
            preset=quality.preset,
            gop_s=None if plan.copied else quality.gop_s,
        )
        time_base = {} if _resampled(video, quality) else {"enc_time_base": _time_base(video)}
        count = ffmpeg.thread_count(threads)
        options = {"vsync": "vfr", "threads": count, **settings, **time_base, **_FRAGMENTED}
        outputs.append(fluent.output(shown, _name(target), **options))
    sounds = [work / f"audio-{number}.mp4" for number, _ in enumerate(plan.audio, 1)]
    for track, target in zip(plan.audio, sounds, strict=True):
        outputs.append(
            fluent.output(
                _sound(source[str(track.index)], probe.duration_s),
                _name(target),
                frag_duration=_AUDIO_FRAGMENT_US,
                ac=2,
                **{"c:a": "aac", "b:a": quality.audio_bps},
                **_FRAGMENTED,
            )
        )
    merged = fluent.merge_outputs(*outputs)
    return ffmpeg.on_whole_clock(merged, source, probe.streams), videos, sounds


def remuxed(
    video: Path, sounds: Sequence[Path], languages: Sequence[str | None], target: Path
) -> Any:
    """The node that joins finished tracks into one MP4 whose index comes first."""
    import ffmpeg as fluent  # noqa: PLC0415 - see node()

    tracks = [ffmpeg.source(path, max_pixels=1 << 26)["0"] for path in (video, *sounds)]
    tags = {f"metadata:s:a:{n}": f"language={tag}" for n, tag in enumerate(languages) if tag}
    joined = fluent.output(*tracks, _name(target), c="copy", movflags="+faststart", **tags)
    # AAC begins a little before 0, with its priming; ffmpeg would move each file to begin at 0.
    return joined.global_args("-copyts")


def frame_rate(video: VideoStream, quality: Quality) -> float:
    """Frames a second of the encoded renditions."""
    capped = ladder.capped_rate(video.fps, quality.max_fps)
    return float(capped) if capped else video.fps


def _cascade(source: Any, video: VideoStream, rungs: Sequence[Rung], quality: Quality) -> list[Any]:
    if not rungs:
        return []
    first = rungs[0]
    stream = picture.rendered(source, video, (first.width, first.height))
    if _resampled(video, quality):
        rate = ladder.capped_rate(video.fps, quality.max_fps)
        stream = stream.filter("fps", f"{rate or video.fps}", start_time=0)
    colour = _colour(video)
    stream = stream.filter("scale", out_range="tv", out_color_matrix=colour["colorspace"])
    stream = stream.filter("format", "yuv420p").filter("setparams", range="tv", **colour)
    pictures = []
    for rung in rungs[1:]:
        branches = stream.filter_multi_output("split", 2)
        pictures.append(branches[0])
        stream = branches[1].filter("scale", rung.width, rung.height).filter("setsar", 1)
    return [*pictures, stream]


def _colour(video: VideoStream) -> dict[str, str]:
    """Colour tags of the result; what the source leaves open is taken as its size suggests.

    Without tags a player would guess by the size of each rendition, and guess differently.
    """
    if video.hdr and picture.can_tone_map():
        guess = "bt709"
    elif video.color_space in ("bt709", "smpte170m", "bt470bg", "bt2020nc"):
        return {
            "colorspace": video.color_space,
            "color_primaries": video.color_primaries or video.color_space.removesuffix("nc"),
            "color_trc": "bt709" if video.hdr else video.color_transfer or "bt709",
        }
    else:
        guess = "bt709" if video.height >= 720 or video.width >= 1280 else "smpte170m"  # noqa: PLR2004
    return {"colorspace": guess, "color_primaries": guess, "color_trc": guess}


def _resampled(video: VideoStream, quality: Quality) -> bool:
    """Whether frames get new times: too many a second, or a late start that must be filled."""
    return video.start_s > h264.ON_TIME_S or bool(ladder.capped_rate(video.fps, quality.max_fps))


def _time_base(video: VideoStream) -> str:
    """The source's own unit of time, so that frames keep their very times; 1/90000 if it is odd."""
    base = Fraction(video.time_base)
    return str(base) if base.denominator <= _MAX_TIME_BASE and base.numerator else "1/90000"


def _sound(stream: Any, duration_s: float) -> Any:
    """48 kHz from time 0 to the end: silence fills a late start, gaps and an early end."""
    resampled = stream.filter("aresample", 48_000, **{"async": 1, "first_pts": 0})
    return resampled.filter("apad", whole_dur=f"{duration_s:.6f}")


def _name(path: Path) -> str:
    return f"file:{path}"
