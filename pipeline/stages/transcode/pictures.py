"""A range of pictures: all renditions of a span, and the packets of its sound.

The range of a whole film encodes its sound as well.
"""

import contextlib
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.core.errors import BadInput, Bug
from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Part, Range, Work
from pipeline.core.stage import Report, Source
from pipeline.media import decoding, ffmpeg, seeking, tracks
from pipeline.media.process import Complaints
from pipeline.stages.transcode import (
    cmaf,
    encoded,
    ladder,
    packets,
    places,
    renditions,
    sound,
    spans,
    timeline,
)
from pipeline.stages.transcode.cascade import Quality, Renditions
from pipeline.stages.transcode.encoded import Encoded, Heard
from pipeline.stages.transcode.renditions import Outputs
from pipeline.stages.transcode.spans import Span

if TYPE_CHECKING:
    from pipeline.stages.transcode.stage import Params

_DELAY = 2  # frames, as many as x264 decodes ahead of their time
# hls.js ignores the edit list that takes the delay off, and allows 0.05 s for what it gets wrong.
_MOST_DELAY_S = 0.04
# Slower videos have no B-frames at once: ``timeline`` would reject most of them.
_B_FRAMES_FPS = 10


def run(
    source: Source, params: "Params", range_: Range, work: Work, report: Report, *, copied: bool
) -> Part:
    """Make the renditions of a range: the first ones that are valid, the cheapest first.

    Args:
        source: the video.
        params: parameters of the stage.
        range_: the range.
        work: the place to write.
        report: the progress.
        copied: whether the source may be the top rendition itself.

    Raises:
        BadInput: ``undecodable``.
        VideodropError: see ``ffmpeg.judge``.
    """
    span = spans.of(range_, source.probe)
    failure: BadInput | None = None
    attempts = _attempts(source, params, span, report, copied=copied)
    while attempts:
        wanted = attempts.pop(0)
        scratch = work.folder / f"tracks-{work.tag}"
        scratch.mkdir()
        try:
            made = _carry_out(source, wanted, params, span, Work(scratch, work.tag), report)
            if not (wanted.copied and made.errors):  # a copy would keep the damage
                files = [*made.pictures, *(one.track for one in made.sounds)]
                names = [*(file.name for file in files), *made.packets.values()]
                encoded.moved(names, scratch, work.folder)
                return made.part()
        except timeline.Reordered:
            attempts.insert(0, replace(wanted, b_frames=False))
        except timeline.Misaligned:
            if not wanted.copied:
                raise Bug("misaligned", "The renditions' keyframes are not aligned.") from None
        except BadInput as error:
            failure = failure or error
        finally:
            shutil.rmtree(scratch)
    if not span.whole:
        return _blank(source, params, span, work, report, copied=copied).part()
    raise failure or BadInput("undecodable", "The video could not be decoded.")


def wanted_sounds(source: Source, params: "Params") -> list[AudioStream]:
    """Return the tracks of sound to keep, the one to hear first.

    Raises:
        BadInput: ``unknown_track``.
    """
    ordered = tracks.ordered(source.probe.audio, params.audio_track)
    return ordered[: params.max_audio_tracks]


def quality(params: "Params") -> Quality:
    """Return the encoding options."""
    return Quality(
        crf=params.crf,
        preset=params.preset,
        gop_s=params.gop_s,
        max_fps=params.max_fps,
        audio_bps=params.audio_bps,
    )


def _attempts(
    source: Source, params: "Params", span: Span, report: Report, *, copied: bool
) -> list[Renditions]:
    """Return the renditions to try in order: copy the video, encode it, encode it without audio."""
    video = decoding.require_video(source.probe)
    audio = wanted_sounds(source, params)
    rungs = ladder.rungs(video, params.rungs, own_size=copied)
    b_frames = video.fps >= _B_FRAMES_FPS
    if not span.whole:  # other ranges have the same ladder, also if they are copies
        stored = [track for track in audio if packets.can_store(track)]
        encoding = Renditions(rungs, copied=False, audio=stored, own_size=copied, b_frames=b_frames)
        return [replace(encoding, copied=True), encoding] if copied else [encoding]
    gains = sound.gains(source.path, audio, params.loudness_lufs, report)
    usual = ladder.rungs(video, params.rungs)
    encoding = Renditions(usual, copied=False, audio=audio, gains=gains, b_frames=b_frames)
    found = [encoding]
    if audio:
        found.append(replace(encoding, audio=(), gains={}))
    if copied:
        found.insert(0, replace(encoding, rungs=rungs, copied=True, own_size=True))
    return found


def _blank(
    source: Source, params: "Params", span: Span, work: Work, report: Report, *, copied: bool
) -> Encoded:
    """Make black renditions of a span of which nothing can be decoded, and its sound."""
    wanted = _attempts(source, params, span, report, copied=copied)[-1]
    scratch = work.folder / f"tracks-{work.tag}"
    scratch.mkdir()
    try:
        place = Work(scratch, work.tag)
        made = _carry_out(source, wanted, params, span, place, report, blank=True)
        names = [*(track.name for track in made.pictures), *made.packets.values()]
        encoded.moved(names, scratch, work.folder)
    finally:
        shutil.rmtree(scratch)
    return made.model_copy(update={"blank": True, "errors": made.errors + 1})


def _carry_out(
    source: Source,
    wanted: Renditions,
    params: "Params",
    span: Span,
    work: Work,
    report: Report,
    *,
    blank: bool = False,
) -> Encoded:
    """Run ffmpeg and put what it wrote on the film's timeline.

    Raises:
        BadInput: ``undecodable``.
        timeline.Misaligned: the keyframes of the renditions differ, or the copy cannot be used.
        timeline.Reordered: B-frames make a segment of an encoded rendition seem short.
    """
    folder, probe = work.folder, source.probe
    raw = folder / "raw"
    raw.mkdir()
    kind = "mp4" if span.whole else "nut"
    outputs = Outputs(
        [raw / f"{rung.name}.mp4" for rung in wanted.rungs],
        [raw / f"audio-{track.index}.{kind}" for track in wanted.audio],
    )
    node = renditions.node(source.path, probe, wanted, quality(params), span, outputs, blank=blank)
    progress = ffmpeg.Progress(report, span.end_s - span.start_s, 0.0, 1.0, span.start_s)
    complaints = ffmpeg.run(node, progress=progress)
    video = decoding.require_video(probe)
    fps = renditions.frame_rate(video, quality(params))
    pictures = []
    for number, (rung, path) in enumerate(zip(wanted.rungs, outputs.pictures, strict=True)):
        rate = video.fps if wanted.copied and number == 0 else fps
        name = f"hls/{rung.name}/{work.tag}.mp4"
        delay_s, first = min(_DELAY / rate, _MOST_DELAY_S), number == 0
        own = wanted.copied and first
        try:
            shown = timeline.placed(
                path,
                folder,
                name,
                span,
                delay_s=delay_s,
                listed=first,
                reordered=not (own or wanted.b_frames),
            )
        except timeline.Reordered:
            if own:
                raise timeline.Misaligned from None
            raise
        pictures.append(shown)
    if not timeline.aligned(pictures):
        raise timeline.Misaligned
    made = Encoded(
        pictures=tuple(pictures),
        own_size=wanted.own_size,
        copied=wanted.copied,
        errors=0 if not span.first and seeking.caused(complaints) else complaints.count,
    )
    if span.whole:
        heard = _heard(source, wanted, params, complaints, outputs, work, report)
        return made.model_copy(update={"sounds": tuple(heard)})
    stored, counted = {}, {}
    for track, path in zip(wanted.audio, outputs.sounds, strict=True):
        rate, origin_s = track.sample_rate, packets.OFFSET_S
        found = places.batches(path, rate=rate, origin_s=origin_s)
        if found != ():
            stored[track.index] = f"{work.tag}.audio-{track.index}.nut"
            counted[track.index] = found
            path.rename(folder / stored[track.index])
    return made.model_copy(update={"packets": stored, "batches": counted})


def _heard(
    source: Source,
    wanted: Renditions,
    params: "Params",
    complaints: Complaints,
    outputs: Outputs,
    work: Work,
    report: Report,
) -> list[Heard]:
    """Return the tracks of sound that could be decoded; warnings give the number of the others."""
    numbers = {track.index: n for n, track in enumerate(wanted_sounds(source, params), 1)}
    heard = []
    for track, path in zip(wanted.audio, outputs.sounds, strict=True):
        if complaints.count and not sound.decodes(source.path, track, report):
            continue
        name = f"hls/audio-{numbers[track.index]}/{work.tag}.mp4"
        with contextlib.suppress(BadInput):
            heard.append(Heard(stream=track.index, track=cmaf.read(path, name)))
            target = work.folder / name
            target.parent.mkdir(parents=True)
            path.rename(target)
    return heard
