"""One run of ffmpeg that encodes a source to all its tracks: video per rung, audio per language."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from pipeline.core.media_info import AudioStream, Probe, VideoStream
from pipeline.media import ffmpeg, picture
from pipeline.stages.transcode import h264, ladder
from pipeline.stages.transcode.ladder import Rung

# A fragment per GOP. The moov is delayed: packets give decoder configuration and edit list.
_FRAGMENTED = {
    "format": "mp4",
    "movflags": "+frag_keyframe+delay_moov+default_base_moof",
    "map_metadata": -1,  # it may contain the recording location
    "map_chapters": -1,
}
_AUDIO_FRAGMENT_US = 2_000_000
_MAX_TIME_BASE = 1_000_000


@dataclass(frozen=True)
class Plan:
    """The renditions to make of a source.

    Attributes:
        rungs: video renditions, largest first.
        copied: the first of them is a copy of the source's video.
        audio: tracks to encode.
    """

    rungs: Sequence[Rung]
    copied: bool
    audio: Sequence[AudioStream]


@dataclass(frozen=True)
class Quality:
    """The encoding options; see the stage's parameters."""

    crf: int
    preset: str
    gop_s: float
    max_fps: float
    audio_bps: int


def node(
    path: Path, probe: Probe, plan: Plan, quality: Quality, work: Path, *, threads: int | None
) -> tuple[Any, list[Path], list[Path]]:
    """Return the ffmpeg-python node of the run, and the files of its video and audio tracks.

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
    """Return the node that joins finished tracks into one MP4 with its index first."""
    import ffmpeg as fluent  # noqa: PLC0415 - see node()

    tracks = [ffmpeg.source(path, max_pixels=1 << 26)["0"] for path in (video, *sounds)]
    tags = {f"metadata:s:a:{n}": f"language={tag}" for n, tag in enumerate(languages) if tag}
    joined = fluent.output(*tracks, _name(target), c="copy", movflags="+faststart", **tags)
    # AAC begins slightly before 0 with its priming; ffmpeg would shift each file to begin at 0.
    return joined.global_args("-copyts")


def frame_rate(video: VideoStream, quality: Quality) -> float:
    """Return the frames per second of the encoded renditions."""
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
    """Return the colour tags of the result; tags that the source lacks follow from its size.

    Without tags, a player would guess from the size of each rendition, with different results.
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
    """Return whether frames get new times: for a rate too high, or a late start to fill."""
    return video.start_s > h264.ON_TIME_S or bool(ladder.capped_rate(video.fps, quality.max_fps))


def _time_base(video: VideoStream) -> str:
    """Return the source's time base, so that frames keep their exact times; else 1/90000.

    1/90000 replaces a time base of 0 or with too large a denominator.
    """
    base = Fraction(video.time_base)
    return str(base) if base.denominator <= _MAX_TIME_BASE and base.numerator else "1/90000"


def _sound(stream: Any, duration_s: float) -> Any:
    """Resample to 48 kHz from time 0 to the end; silence fills a late start, gaps and the end."""
    resampled = stream.filter("aresample", 48_000, **{"async": 1, "first_pts": 0})
    return resampled.filter("apad", whole_dur=f"{duration_s:.6f}")


def _name(path: Path) -> str:
    return f"file:{path}"
