"""Sound without a picture: HLS of audio alone, and an M4A."""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import JsonValue

from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream, Probe
from pipeline.core.ranges import Part, Parts, Work
from pipeline.core.stage import Artifact, Notice, Report, Result, Source
from pipeline.media import ffmpeg, tracks
from pipeline.media.process import Complaints
from pipeline.stages import notices
from pipeline.stages.transcode import alternatives, cmaf, encoded, extras, hls, merging, sound
from pipeline.stages.transcode.cmaf import Track
from pipeline.stages.transcode.encoded import Encoded, Heard
from pipeline.stages.transcode.extras import PLAYLIST_TYPE
from pipeline.stages.transcode.mp4 import Reel

if TYPE_CHECKING:
    from pipeline.stages.transcode.stage import Params

_FRAGMENTED = {
    "format": "mp4",
    "frag_duration": 2_000_000,  # microseconds
    "movflags": "+delay_moov+default_base_moof",
    "map_metadata": -1,  # it may contain the recording location
    "map_chapters": -1,
}
# Containers whose clock does not jump. AAC in others is encoded again, with its gaps filled.
_COPIED_FROM = ("aac", "matroska", "mov")
# AAC-LC and HE-AAC (versions 1 and 2), which all players decode (RFC 6381).
_PLAYED = {"mp4a.40.2", "mp4a.40.5", "mp4a.40.29"}
_STEREO = 2
_ON_TIME_S = 0.001
_PIXELS = 1 << 26  # of cover art, which ffmpeg may decode to read the streams
_OWN_URI = re.compile(r',URI="[^"]*"')


class _Output(NamedTuple):
    """A track to write, and the options of ffmpeg for it."""

    track: AudioStream
    options: Mapping[str, Any]


def run(source: Source, params: "Params", work: Work, report: Report) -> Part:
    """Write the tracks.

    Raises:
        BadInput: ``undecodable`` or ``unknown_track``.
        VideodropError: see ``ffmpeg.judge``.
    """
    wanted = tracks.ordered(source.probe.audio, params.audio_track)[: params.max_audio_tracks]
    scratch = work.folder / f"tracks-{work.tag}"
    scratch.mkdir()
    try:
        made = _make(source, wanted, params, Work(scratch, work.tag), report)
        encoded.moved([one.track.name for one in made.sounds], scratch, work.folder)
    finally:
        shutil.rmtree(scratch)
    return made.part()


def merge(source: Source, params: "Params", parts: Parts, work: Path, report: Report) -> Result:
    """Write ``hls/master.m3u8``, the playlists of its renditions, and the index of ``audio.m4a``.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    (made,) = (Encoded.of(one.part) for one in parts)
    streams = {one.index: one for one in source.probe.audio}
    found = [(streams[one.stream], one.track) for one in made.sounds]
    sounds = _published(made, found, work / "hls", params.segment_s)
    progress = ffmpeg.Progress(report, source.probe.duration_s)
    more = extras.publish(source, work, progress)
    master = master_playlist(sounds, more.entries)
    (work / "hls" / "master.m3u8").write_text(master, encoding="utf-8")
    reels = [Reel([track], one, default=not n) for n, (one, track) in enumerate(found)]
    starts = merging.segment_starts(source, params)
    m4a = merging.progressive("audio.m4a", "audio/mp4", "m4a", reels, starts, work)
    return Result(
        artifacts=[
            Artifact(name="hls/master.m3u8", media_type=PLAYLIST_TYPE, role="hls_master"),
            *(merging.playlist(one.rendition) for one in sounds),
            *more.artifacts,
            m4a,
        ],
        interim=[m4a.pieces[0].name],
        summary={**_summary(made, sounds, m4a), **more.summary},
        warnings=[*_warnings(source.probe, params, made), *more.notices],
    )


def master_playlist(sounds: Sequence[hls.Sound], subtitles: Sequence[hls.Subtitles] = ()) -> str:
    """Return a master playlist with one variant: the first track, and the others as alternatives.

    The first one's own rendition has no address, since its media is that of the variant
    (RFC 8216, section 4.3.4.1).
    """
    first, *others = sounds
    lines = hls.master_playlist([], sounds if others else [], subtitles).splitlines()
    if others:
        own = next(line for line in lines if line.startswith("#EXT-X-MEDIA:TYPE=AUDIO"))
        lines[lines.index(own)] = _OWN_URI.sub("", own)
    codecs = ",".join(dict.fromkeys(one.rendition.codecs for one in sounds))
    attributes = [
        f"BANDWIDTH={max(one.rendition.peak_bps for one in sounds)}",
        f"AVERAGE-BANDWIDTH={max(one.rendition.average_bps for one in sounds)}",
        f'CODECS="{codecs}"',
        *(['AUDIO="audio"'] if others else []),
        *(['SUBTITLES="subtitles"'] if subtitles else []),
    ]
    address = f"{first.rendition.folder}/{hls.PLAYLIST}"
    return "\n".join([*lines, "#EXT-X-STREAM-INF:" + ",".join(attributes), address, ""])


def _make(
    source: Source, wanted: Sequence[AudioStream], params: "Params", work: Work, report: Report
) -> Encoded:
    """Copy all tracks if that gives a valid result, else encode them."""
    gains = sound.gains(source.path, wanted, params.loudness_lufs, report)
    if params.copy_source and not gains and _can_copy(source.probe, wanted):
        with suppress(BadInput):
            made = _carry_out(source, _copies(source, wanted), work, report, copied=True)
            playable = all(one.track.codecs in _PLAYED for one in made.sounds)
            if playable and len(made.sounds) == len(wanted) and not made.errors:
                return made
    encodings = _encodings(source, wanted, gains, params.audio_bps)
    made = _carry_out(source, encodings, work, report, copied=False)
    if not made.sounds:
        raise BadInput("undecodable", "The sound of the file could not be decoded.")
    return made


def _can_copy(probe: Probe, wanted: Sequence[AudioStream]) -> bool:
    return probe.container.startswith(_COPIED_FROM) and all(
        one.codec == "aac" and one.channels <= _STEREO and abs(one.start_s) <= _ON_TIME_S
        for one in wanted
    )


def _copies(source: Source, wanted: Sequence[AudioStream]) -> list[_Output]:
    raw = {"bsf:a": "aac_adtstoasc"} if source.probe.container == "aac" else {}
    return [_Output(one, {"c": "copy", **raw}) for one in wanted]


def _encodings(
    source: Source, wanted: Sequence[AudioStream], gains: Mapping[int, float], audio_bps: int
) -> list[_Output]:
    def options(track: AudioStream) -> dict[str, Any]:
        filters = sound.filters(track, source.probe.duration_s, gains.get(track.index))
        return {"af": filters, "ac": _STEREO, "c:a": "aac", "b:a": audio_bps}

    return [_Output(one, options(one)) for one in wanted]


def _carry_out(
    source: Source, outputs: Sequence[_Output], work: Work, report: Report, *, copied: bool
) -> Encoded:
    """Write each track to its file; a copy is also decoded, for it would keep damage."""
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    names = [f"hls/audio-{number}/{work.tag}.mp4" for number, _ in enumerate(outputs, 1)]
    given = ffmpeg.source(source.path, max_pixels=_PIXELS)
    nodes = []
    for one, name in zip(outputs, names, strict=True):
        (work.folder / name).parent.mkdir(parents=True, exist_ok=True)
        track = given[str(one.track.index)]
        target = f"file:{work.folder / name}"
        nodes.append(fluent.output(track, target, **one.options, **_FRAGMENTED))
        if copied:
            nodes.append(fluent.output(track, os.devnull, format="framecrc"))
    node = ffmpeg.on_whole_clock(fluent.merge_outputs(*nodes), given, source.probe.streams)
    progress = ffmpeg.Progress(report, source.probe.duration_s)
    complaints = ffmpeg.run(node, progress=progress)
    heard = []
    for one, name in zip(outputs, names, strict=True):
        if complaints.count and not sound.decodes(source.path, one.track, report):
            continue
        with suppress(BadInput):  # the warnings give the number of missing tracks
            track = cmaf.read(work.folder / name, name)
            heard.append(Heard(stream=one.track.index, track=track))
    return Encoded(sounds=tuple(heard), copied=copied, errors=complaints.count)


def _published(
    made: Encoded, found: Sequence[tuple[AudioStream, Track]], folder: Path, segment_s: float
) -> list[hls.Sound]:
    heard = [
        (stream, hls.published([track], folder / Path(track.name).parent.name, segment_s))
        for stream, track in found
    ]
    sounds = alternatives.sounds(heard)
    if not made.copied:
        return sounds
    return [
        replace(one, channels=stream.channels)
        for one, (stream, _) in zip(sounds, heard, strict=True)
    ]


def _summary(made: Encoded, sounds: Sequence[hls.Sound], m4a: Artifact) -> dict[str, JsonValue]:
    return {
        "duration_s": round(max(one.track.end_s for one in made.sounds), 3),
        "encoder": "copy" if made.copied else "aac",
        "m4a_bytes": sum(piece.size for piece in m4a.pieces),
        "renditions": [],
        "audio": [
            {
                "name": one.rendition.folder,
                "title": one.name,
                "language": one.language,
                "average_bandwidth": one.rendition.average_bps,
                "codecs": one.rendition.codecs,
            }
            for one in sounds
        ],
    }


def _warnings(probe: Probe, params: "Params", made: Encoded) -> list[Notice]:
    found = notices.of_media(probe, Complaints(count=made.errors))
    found += tracks.missing(probe.audio, params.audio_track)
    kept = min(len(probe.audio), params.max_audio_tracks)
    if lost := kept - len(made.sounds):
        text = f"{lost} of {len(probe.audio)} audio tracks cannot be decoded."
        found.append(Notice(code="audio_undecodable", message=text))
    if kept < len(probe.audio):
        text = f"Only {kept} of {len(probe.audio)} audio tracks were kept."
        found.append(Notice(code="audio_tracks_dropped", message=text))
    return found
