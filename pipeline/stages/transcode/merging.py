"""The merge of a film: playlists over the files of all ranges, one MP4, the summary, warnings."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pydantic import JsonValue

from pipeline.core.errors import BadInput, Bug
from pipeline.core.ranges import Artifact, Parts, Piece, Plan
from pipeline.core.stage import Notice, Report, Result, Source
from pipeline.media import decoding, ffmpeg, tracks
from pipeline.media.process import Complaints
from pipeline.stages import notices
from pipeline.stages.transcode import (
    alternatives,
    complete_sounds,
    extras,
    h264,
    hls,
    ladder,
    mp4,
    pictures,
    renditions,
)
from pipeline.stages.transcode.cmaf import Track
from pipeline.stages.transcode.complete_sounds import Sounds
from pipeline.stages.transcode.encoded import Encoded
from pipeline.stages.transcode.extras import PLAYLIST_TYPE
from pipeline.stages.transcode.mp4 import Reel

if TYPE_CHECKING:
    from pipeline.stages.transcode.stage import Params

_MASTER = "hls/master.m3u8"
_MOST_SPANS = 5  # in a message


class _Film(NamedTuple):
    """The tracks of all ranges.

    Attributes:
        rungs: of each rendition, its files in order of time.
        heard: the tracks of sound.
        parts: what the ranges made.
    """

    rungs: list[list[Track]]
    heard: Sounds
    parts: list[Encoded]

    @property
    def copied(self) -> bool:
        """Return whether the first rendition is a copy everywhere."""
        return all(one.copied for one in self.parts if one.pictures)


def run(
    source: Source, params: "Params", plan: Plan, parts: Parts, work: Path, report: Report
) -> Result:
    """Write ``hls/master.m3u8``, the playlists of its renditions, and the index of ``video.mp4``.

    Raises:
        BadInput: ``undecodable`` or ``unknown_track``.
        VideodropError: see ``ffmpeg.judge``.
    """
    film = _film(source, params, plan, parts, work, report)
    shown, heard, playlists = _published(source, params, film, work / "hls")
    more = extras.publish(source, work, ffmpeg.Progress(report, source.probe.duration_s))
    master = hls.master_playlist(shown, heard, more.entries)
    (work / _MASTER).write_text(master, encoding="utf-8")
    reels = [Reel(film.rungs[0])]
    reels += [Reel(files, one, default=not n) for n, (one, files) in enumerate(film.heard.tracks)]
    starts = segment_starts(source, params)
    if plan.spreads:  # S3 joins large pieces without a download
        starts = [track.start_s for track in film.rungs[0]]
    video = progressive("video.mp4", "video/mp4", "mp4", reels, starts, work)
    return Result(
        artifacts=[
            Artifact(name=_MASTER, media_type=PLAYLIST_TYPE, role="hls_master"),
            *playlists,
            *film.heard.artifacts,
            *more.artifacts,
            video,
        ],
        interim=[video.pieces[0].name],
        summary=_summary(film, shown, heard, video) | more.summary,
        warnings=[*_warnings(source, params, parts, film), *more.notices],
    )


def progressive(
    name: str,
    media_type: str,
    role: str,
    reels: Sequence[Reel],
    starts: Sequence[float],
    work: Path,
) -> Artifact:
    """Write the index of an MP4, and return the artifact that is joined from it and the media.

    Args:
        name: of the artifact.
        media_type: its Content-Type.
        role: its role.
        reels: its tracks.
        starts: times at which the tracks alternate.
        work: the directory of the result.
    """
    content, pieces = mp4.index(reels, mp4.interleaved(reels, starts))
    index = f"{name}.index"
    (work / index).write_bytes(content)
    whole = (Piece(name=index, start=0, size=len(content)), *pieces)
    return Artifact(name=name, media_type=media_type, role=role, pieces=whole)


def segment_starts(source: Source, params: "Params") -> list[float]:
    """Return the multiples of a segment's duration within a film."""
    count = int(source.probe.duration_s / params.segment_s) + 1
    return [number * params.segment_s for number in range(count)]


def playlist(rendition: hls.Rendition) -> Artifact:
    """Return the artifact of a rendition's playlist."""
    name = f"hls/{rendition.folder}/{hls.PLAYLIST}"
    return Artifact(name=name, media_type=PLAYLIST_TYPE, role="hls_playlist")


def _film(
    source: Source, params: "Params", plan: Plan, parts: Parts, work: Path, report: Report
) -> _Film:
    made = [Encoded.of(one.part) for one in parts]
    shown = [one for one in made if one.pictures]
    if all(one.blank for one in shown):
        raise BadInput("undecodable", "The video could not be decoded.")
    if len({(one.own_size, len(one.pictures)) for one in shown}) != 1:
        raise Bug("misaligned", "The ranges have different renditions.")
    rungs = [list(files) for files in zip(*(one.pictures for one in shown), strict=True)]
    heard = complete_sounds.of(source, params, plan, parts, made, work, report)
    return _Film(rungs, heard, made)


def _published(
    source: Source, params: "Params", film: _Film, folder: Path
) -> tuple[list[hls.Picture], list[hls.Sound], list[Artifact]]:
    video = decoding.require_video(source.probe)
    fps = renditions.frame_rate(video, pictures.quality(params))
    own_size = any(one.own_size for one in film.parts)
    rungs = ladder.rungs(video, params.rungs, own_size=own_size)
    shown = []
    for number, (rung, files) in enumerate(zip(rungs, film.rungs, strict=True)):
        rendition = hls.published(files, folder / rung.name, params.segment_s)
        rate = video.fps if film.copied and number == 0 else fps
        shown.append(hls.Picture(rendition, rung.width, rung.height, rate))
    if len({len(one.rendition.segments) for one in shown}) != 1:
        raise Bug("misaligned", "The renditions have different numbers of segments.")
    heard = []
    for stream, files in film.heard.tracks:
        place = folder / Path(files[0].name).parent.name
        heard.append((stream, hls.published(files, place, params.segment_s)))
    sounds = alternatives.sounds(heard)
    made = [*(one.rendition for one in shown), *(one.rendition for one in sounds)]
    return shown, sounds, [playlist(one) for one in made]


def _summary(
    film: _Film, shown: Sequence[hls.Picture], heard: Sequence[hls.Sound], video: Artifact
) -> dict[str, JsonValue]:
    every = [*film.rungs, *(files for _, files in film.heard.tracks)]
    return {
        "duration_s": round(max(track.end_s for files in every for track in files), 3),
        "encoder": h264.encoder(),
        "mp4_bytes": sum(piece.size for piece in video.pieces),
        "renditions": [
            {
                "name": p.rendition.folder,
                "width": p.width,
                "height": p.height,
                "fps": round(p.fps, 3),
                "bandwidth": hls.variant_bps(p, heard)[0],
                "average_bandwidth": hls.variant_bps(p, heard)[1],
                "codecs": p.rendition.codecs,
                "segments": len(p.rendition.segments),
                "copied": film.copied and number == 0,
            }
            for number, p in enumerate(shown)
        ],
        "audio": [
            {
                "name": s.rendition.folder,
                "title": s.name,
                "language": s.language,
                "average_bandwidth": s.rendition.average_bps,
                "codecs": s.rendition.codecs,
            }
            for s in heard
        ],
    }


def _warnings(source: Source, params: "Params", parts: Parts, film: _Film) -> list[Notice]:
    probe, video = source.probe, decoding.require_video(source.probe)
    complaints = Complaints(count=sum(one.errors for one in film.parts))
    found = notices.of_media(probe, complaints, where=_where(parts))
    found += tracks.missing(probe.audio, params.audio_track)
    if not probe.audio:
        found.append(Notice(code="no_audio", message="The video has no decodable audio."))
    elif lost := min(len(probe.audio), params.max_audio_tracks) - len(film.heard.tracks):
        text = f"{lost} of {len(probe.audio)} audio tracks cannot be decoded."
        found.append(Notice(code="audio_undecodable", message=text))
    if len(probe.audio) > params.max_audio_tracks:
        text = f"Only {params.max_audio_tracks} of {len(probe.audio)} audio tracks were kept."
        found.append(Notice(code="audio_tracks_dropped", message=text))
    dropped = [s for s in params.rungs if s <= min(video.width, video.height)]
    if not film.copied and len(film.rungs) < len(dropped):
        text = f"Renditions wider or higher than {ladder.MAX_SIDE} pixels were left out."
        found.append(Notice(code="rung_dropped", message=text))
    return found


def _where(parts: Parts) -> str:
    """Return the spans of pictures that have errors, if others have none."""
    found = [one.range for one in parts if Encoded.of(one.part).errors]
    if len(found) in (0, len(parts)) or any(one.phase for one in found):
        return ""
    spans = [f" from {one.start_s:.0f} s to {one.end_s:.0f} s" for one in found[:_MOST_SPANS]]
    return ",".join(spans) + (" and later" if len(found) > _MOST_SPANS else "")
