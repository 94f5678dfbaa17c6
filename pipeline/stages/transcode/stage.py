"""The transcode stage: an HLS ladder in CMAF and one MP4, for all common players.

Sound without a picture becomes HLS of audio alone and an M4A (``audio_only``).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core import in_place
from pipeline.core.ranges import Part, Parts, Plan, Range, Work
from pipeline.core.stage import Divisible, Report, Result, Source
from pipeline.media import frames, tracks
from pipeline.stages.transcode import (
    audio_only,
    gop,
    h264,
    ladder,
    merging,
    pictures,
    sounds,
    spans,
)

VERSION = "3"
PACKAGES = {"ffmpeg": "media"}


class Params(BaseModel):
    """The parameters of the transcode stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rungs: tuple[Annotated[int, Field(ge=16, le=ladder.MAX_SIDE)], ...] = Field(
        (1080, 720, 480, 360, 240),
        min_length=1,
        max_length=10,
        description="Short sides of the renditions in pixels; never larger than the source",
    )
    gop_s: float = Field(2.0, ge=0.5, le=6, description="Seconds from keyframe to keyframe")
    segment_s: float = Field(6.0, ge=1, le=20, description="Seconds per segment")
    range_s: int = Field(
        90,
        ge=6,
        le=3600,
        description="Seconds of a long film that one worker encodes, rounded up to whole segments",
    )
    sound_range_s: int = Field(
        600,
        ge=6,
        le=86_400,
        description="Seconds of a long film's sound that one worker encodes, rounded up to whole "
        "segments",
    )
    crf: int = Field(22, ge=0, le=51, description="Quality; lower is better and larger")
    preset: str = Field(
        "veryfast",
        pattern="^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow)$",
        description="Preset of x264: a slower one takes more CPU time for smaller files",
    )
    max_fps: float = Field(60, ge=1, le=240, description="Above it, every nth frame is kept")
    audio_bps: int = Field(128_000, ge=32_000, le=320_000, description="AAC bits per second")
    loudness_lufs: float | None = Field(
        None,
        ge=-36,
        le=-9,
        description="Loudness of each audio track by EBU R128, such as -23 or -16; unchanged if "
        "not set",
    )
    audio_track: tracks.Wanted | None = Field(
        None,
        description="Audio track to play by default: its number in the file, from 1, or its "
        "language; otherwise the file's default, or the first without commentary",
    )
    max_audio_tracks: int = Field(8, ge=1, le=32, description="Most audio tracks to keep")
    copy_source: bool = Field(
        True, description="Use a conforming source as the top rendition without encoding it"
    )


def plan(source: Source, params: Params, report: Report) -> Plan:
    """Divide a film into ranges of pictures, and then into longer ones of each track of its sound.

    A film that cannot be divided, and sound without a picture, is one range.

    Raises:
        BadInput: ``unknown_track``.
        VideodropError: see ``ffmpeg.judge``.
    """
    report(0.0)
    probe = source.probe
    pictures.wanted_sounds(source, params)  # they are known before any work is done
    if probe.video is None:
        return Plan(ranges=(Range(name="sound", start_s=0.0, end_s=probe.duration_s),))
    starts = spans.divided(
        probe, range_s=params.range_s, segment_s=params.segment_s, gop_s=params.gop_s
    )
    keys = _copied_keys(source, params, divided=len(starts) > 1)
    if keys is not None:
        starts = spans.on_keyframes(starts, keys)
    ends = [*starts[1:], max(probe.duration_s, starts[-1])]
    ranges = [
        Range(name=f"picture-{number:04d}", start_s=start, end_s=end)
        for number, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    if len(ranges) > 1:
        ranges += sounds.ranges(source, params)
    return Plan(ranges=tuple(ranges), data={"copied": keys is not None})


def run_range(
    source: Source,
    params: Params,
    plan: Plan,
    range_: Range,
    parts: Parts,
    work: Work,
    report: Report,
) -> Part:
    """Make the renditions of a span, or a stretch of sound.

    Raises:
        BadInput: ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    if source.probe.video is None:
        return audio_only.run(source, params, work, report)
    if range_.phase:
        return sounds.run(source, params, plan, range_, parts, work, report)
    copied = bool(plan.data["copied"])
    return pictures.run(source, params, range_, work, report, copied=copied)


def merge(
    source: Source, params: Params, plan: Plan, parts: Parts, work: Path, report: Report
) -> Result:
    """Write ``hls/master.m3u8``, the other playlists and the index of the MP4 or M4A.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    if source.probe.video is None:
        return audio_only.merge(source, params, parts, work, report)
    return merging.run(source, params, plan, parts, work, report)


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write ``hls/master.m3u8`` with its renditions and ``video.mp4`` below ``work``.

    Raises:
        BadInput: ``undecodable`` or ``unknown_track``.
        VideodropError: see ``ffmpeg.judge``.
    """
    result = in_place.run(cast("Divisible", sys.modules[__name__]), source, params, work, report)
    report(1.0)
    return result


def _copied_keys(source: Source, params: Params, *, divided: bool) -> Sequence[float] | None:
    """Return the keyframes of a source that can be the top rendition itself; None otherwise.

    Only decoding finds damage, and a copy without another rendition is not decoded.
    """
    probe, video = source.probe, source.probe.video
    if video is None or not params.copy_source:
        return None
    if len(ladder.rungs(video, params.rungs, own_size=True)) == 1:
        return None
    side, rate = max(params.rungs), params.max_fps
    if not h264.looks_conforming(probe, max_side=side, max_fps=rate):
        return None
    length_s = probe.duration_s - video.start_s
    gops = gop.indexed(source.path, video, length_s)
    if gops is None and not divided:
        gops = gop.read(source.path, video, length_s)
    if gops is None or not h264.conforms(probe, gops, max_gop_s=params.segment_s):
        return None
    return gops.keys if frames.keys_suffice(source.path, probe) else None
