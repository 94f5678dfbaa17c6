"""The transcode stage: an HLS ladder in CMAF and one MP4, for all common players."""

import contextlib
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from pipeline.core.errors import BadInput, Bug
from pipeline.core.media_info import AudioStream, Probe, VideoStream
from pipeline.core.stage import Artifact, Notice, Report, Result, Source
from pipeline.media import ffmpeg, frames
from pipeline.media.process import Complaints
from pipeline.stages import notices
from pipeline.stages.transcode import cmaf, gop, h264, hls, ladder, renditions
from pipeline.stages.transcode.cmaf import Track
from pipeline.stages.transcode.renditions import Plan, Quality

VERSION = "1"

_PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
_SAME_TIME_S = 0.005
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Params(BaseModel):
    """The parameters of the transcode stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rungs: tuple[int, ...] = Field(
        (1080, 720, 480, 360, 240),
        min_length=1,
        max_length=10,
        description="Short sides of the renditions in pixels; never larger than the source",
    )
    gop_s: float = Field(2.0, ge=0.5, le=6, description="Seconds from keyframe to keyframe")
    segment_s: float = Field(6.0, ge=1, le=20, description="Seconds per segment")
    crf: int = Field(22, ge=0, le=51, description="Quality; lower is better and larger")
    preset: str = Field(
        "veryfast",
        pattern="^(ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow)$",
        description="Preset of x264: a slower one takes more CPU time for smaller files",
    )
    max_fps: float = Field(60, ge=1, le=240, description="Above it, every nth frame is kept")
    audio_bps: int = Field(128_000, ge=32_000, le=320_000, description="AAC bits per second")
    max_audio_tracks: int = Field(8, ge=1, le=32, description="Most audio tracks to keep")
    copy_source: bool = Field(
        True, description="Use a conforming source as the top rendition without encoding it"
    )


@dataclass(frozen=True)
class _Made:
    plan: Plan
    videos: list[Track]
    sounds: list[tuple[AudioStream, Track]]
    complaints: Complaints


class _Misaligned(Exception):
    """Renditions whose GOPs do not begin at the same times."""


def run(source: Source, params: Params, work: Path, report: Report) -> Result:
    """Write ``hls/master.m3u8`` with its renditions and ``video.mp4`` below ``work``.

    Raises:
        BadInput: ``no_video``, or ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    video = frames.require_video(source.probe)
    report(0.0)
    tracks = work / "tracks"
    tracks.mkdir()
    made = _make(source, video, params, tracks, report)
    mp4 = work / "video.mp4"
    languages = [stream.language for stream, _ in made.sounds]
    joined = renditions.remuxed(
        made.videos[0].path, [t.path for _, t in made.sounds], languages, mp4
    )
    ffmpeg.run(joined, progress=ffmpeg.Progress(report, source.probe.duration_s, 0.9, 0.97))
    pictures, sounds, artifacts = _publish(made, video, params, work / "hls")
    shutil.rmtree(tracks)
    master = hls.master_playlist(pictures, sounds)
    (work / "hls" / "master.m3u8").write_text(master, encoding="utf-8")
    report(1.0)
    return Result(
        artifacts=[
            Artifact(name="hls/master.m3u8", media_type=_PLAYLIST_TYPE, role="hls_master"),
            *artifacts,
            Artifact(name=mp4.name, media_type="video/mp4", role="mp4"),
        ],
        summary=_summary(made, pictures, sounds, mp4),
        warnings=_warnings(source.probe, video, params, made),
    )


def _make(source: Source, video: VideoStream, params: Params, work: Path, report: Report) -> _Made:
    """Carry out the first plan that gives a valid result, the cheapest first."""
    failure: BadInput | None = None
    for plan in _plans(source, video, params):
        try:
            made = _carry_out(source, plan, params, work, report)
            _check_aligned(made.videos)
        except _Misaligned:
            if not plan.copied:
                raise Bug("misaligned", "The renditions' keyframes are not aligned.") from None
        except BadInput as error:
            failure = failure or error
        else:
            if not (plan.copied and made.complaints.count):  # a copy would keep the damage
                return made
    raise failure or BadInput("undecodable", "The video could not be decoded.")


def _plans(source: Source, video: VideoStream, params: Params) -> list[Plan]:
    """Return the plans to try in order: copy the video, encode it, encode it without audio."""
    default_first = sorted(source.probe.audio, key=lambda s: (not s.default, s.index))
    audio = default_first[: params.max_audio_tracks]
    ladder_ = ladder.rungs(video, params.rungs)
    plans = [Plan(ladder_, copied=False, audio=audio)]
    if audio:
        plans.append(Plan(ladder_, copied=False, audio=()))
    own = ladder.rungs(video, params.rungs, own_size=True)
    # Only decoding finds damage, and a copy without another rendition is not decoded.
    if params.copy_source and len(own) > 1 and _can_copy(source, video, params):
        plans.insert(0, Plan(own, copied=True, audio=audio))
    return plans


def _can_copy(source: Source, video: VideoStream, params: Params) -> bool:
    side, rate = max(params.rungs), params.max_fps
    if not h264.looks_conforming(source.probe, max_side=side, max_fps=rate):
        return False
    gops = gop.read(source.path, video.index)
    return h264.conforms(source.probe, gops, max_gop_s=params.segment_s)


def _carry_out(source: Source, plan: Plan, params: Params, work: Path, report: Report) -> _Made:
    quality = _quality(params)
    node, videos, sounds = renditions.node(
        source.path, source.probe, plan, quality, work, threads=None
    )
    progress = ffmpeg.Progress(report, source.probe.duration_s, 0.0, 0.9)
    complaints = ffmpeg.run(node, progress=progress)
    heard = []
    for stream, path in zip(plan.audio, sounds, strict=True):
        with contextlib.suppress(BadInput):  # the warnings give the number of missing tracks
            heard.append((stream, cmaf.read(path)))
    return _Made(plan, [cmaf.read(path) for path in videos], heard, complaints)


def _check_aligned(videos: Sequence[Track]) -> None:
    first = videos[0].fragments
    for track in videos:
        same = len(track.fragments) == len(first) and all(
            abs(a.start_s - b.start_s) < _SAME_TIME_S
            for a, b in zip(track.fragments, first, strict=True)
        )
        if not (same and all(f.key for f in track.fragments)):
            raise _Misaligned


def _publish(
    made: _Made, video: VideoStream, params: Params, folder: Path
) -> tuple[list[hls.Picture], list[hls.Sound], list[Artifact]]:
    pictures, sounds = [], []
    fps = renditions.frame_rate(video, _quality(params))
    for number, (rung, track) in enumerate(zip(made.plan.rungs, made.videos, strict=True)):
        rendition = hls.publish(track, folder / rung.name, params.segment_s)
        rate = video.fps if made.plan.copied and number == 0 else fps
        pictures.append(hls.Picture(rendition, rung.width, rung.height, rate))
    for number, (stream, track) in enumerate(made.sounds, 1):
        rendition = hls.publish(track, folder / f"audio-{number}", params.segment_s)
        tag = stream.language if _LANGUAGE.fullmatch(stream.language or "") else None
        name = f"Audio {number}" + (f" ({tag})" if tag else "")
        sounds.append(hls.Sound(rendition, name, tag, default=number == 1, channels=2))
    if len({len(p.rendition.segments) for p in pictures}) != 1:
        raise Bug("misaligned", "The renditions have different numbers of segments.")
    artifacts = [
        artifact
        for kind, shown in (("video", pictures), ("audio", sounds))
        for item in shown
        for artifact in _files(item.rendition, kind)
    ]
    return pictures, sounds, artifacts


def _files(rendition: hls.Rendition, kind: str) -> list[Artifact]:
    def artifact(name: str, media_type: str, role: str) -> Artifact:
        return Artifact(name=f"hls/{rendition.folder}/{name}", media_type=media_type, role=role)

    return [
        artifact(hls.PLAYLIST, _PLAYLIST_TYPE, "hls_playlist"),
        artifact(hls.INIT, f"{kind}/mp4", "hls_init"),
        *(artifact(s.name, f"{kind}/iso.segment", "hls_segment") for s in rendition.segments),
    ]


def _summary(
    made: _Made, pictures: Sequence[hls.Picture], sounds: Sequence[hls.Sound], mp4: Path
) -> dict[str, JsonValue]:
    return {
        "duration_s": round(max(t.end_s for t in (*made.videos, *(s for _, s in made.sounds))), 3),
        "encoder": h264.encoder(),
        "mp4_bytes": mp4.stat().st_size,
        "renditions": [
            {
                "name": p.rendition.folder,
                "width": p.width,
                "height": p.height,
                "fps": round(p.fps, 3),
                "bandwidth": hls.variant_bps(p, sounds)[0],
                "average_bandwidth": hls.variant_bps(p, sounds)[1],
                "codecs": p.rendition.codecs,
                "segments": len(p.rendition.segments),
                "copied": made.plan.copied and number == 0,
            }
            for number, p in enumerate(pictures)
        ],
        "audio": [
            {
                "name": s.rendition.folder,
                "language": s.language,
                "average_bandwidth": s.rendition.average_bps,
                "codecs": s.rendition.codecs,
            }
            for s in sounds
        ],
    }


def _warnings(probe: Probe, video: VideoStream, params: Params, made: _Made) -> list[Notice]:
    found = notices.of_media(probe, made.complaints)
    if not probe.audio:
        found.append(Notice(code="no_audio", message="The video has no decodable audio."))
    elif lost := min(len(probe.audio), params.max_audio_tracks) - len(made.sounds):
        text = f"{lost} of {len(probe.audio)} audio tracks cannot be decoded."
        found.append(Notice(code="audio_undecodable", message=text))
    if len(probe.audio) > params.max_audio_tracks:
        text = f"Only {params.max_audio_tracks} of {len(probe.audio)} audio tracks were kept."
        found.append(Notice(code="audio_tracks_dropped", message=text))
    dropped = [s for s in params.rungs if s <= min(video.width, video.height)]
    if not made.plan.copied and len(made.plan.rungs) < len(dropped):
        text = f"Renditions wider or higher than {ladder.MAX_SIDE} pixels were left out."
        found.append(Notice(code="rung_dropped", message=text))
    return found


def _quality(params: Params) -> Quality:
    return Quality(
        crf=params.crf,
        preset=params.preset,
        gop_s=params.gop_s,
        max_fps=params.max_fps,
        audio_bps=params.audio_bps,
    )
