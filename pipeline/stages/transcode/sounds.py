"""A range of sound: a stretch of a track, encoded so that it continues the one before."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Part, Parts, Plan, Range, Work
from pipeline.core.stage import Report, Source
from pipeline.media import ffmpeg
from pipeline.stages.transcode import (
    cmaf,
    encoded,
    packet_lists,
    packets,
    pictures,
    readings,
    renditions,
    sound,
    sound_track,
    spans,
    stretches,
)
from pipeline.stages.transcode.cmaf import Track
from pipeline.stages.transcode.encoded import Encoded, Heard, Stored
from pipeline.stages.transcode.readings import Reading
from pipeline.stages.transcode.stretches import Stretch

if TYPE_CHECKING:
    from pipeline.stages.transcode.stage import Params

_SOUND, _LOUDNESS, _PACKETS = "sound", "loudness", "packets"


def ranges(source: Source, params: "Params") -> list[Range]:
    """Return the ranges of all tracks of a film whose pictures are divided.

    A track that can be decoded only from the start of the file is one range. Before the ranges of
    others, the loudness of the whole track is measured, and their packets are listed.

    Raises:
        BadInput: ``unknown_track``.
    """
    film_s = source.probe.duration_s
    starts = spans.grid(film_s, range_s=params.sound_range_s, segment_s=params.segment_s)
    found: list[Range] = []
    for number, track in enumerate(pictures.wanted_sounds(source, params), 1):
        if len(starts) == 1 or not readings.divides(source, track):
            found.append(Range(name=f"{_SOUND}-{number}", start_s=0.0, end_s=film_s, phase=1))
            continue
        needs = [_PACKETS] if packets.can_store(track) else []
        if params.loudness_lufs is not None:
            needs.append(f"{_LOUDNESS}-{number}")
            found.append(Range(name=needs[-1], start_s=0.0, end_s=film_s, phase=1))
        for part, (start, end) in enumerate(zip(starts, [*starts[1:], film_s], strict=True)):
            name, phase = f"{_SOUND}-{number}-{part:04d}", 2 if needs else 1
            found.append(
                Range(name=name, start_s=start, end_s=end, phase=phase, needs=tuple(needs))
            )
    if any(_PACKETS in (one.needs or ()) for one in found):
        found.append(Range(name=_PACKETS, start_s=0.0, end_s=0.0, phase=1))  # it reads no media
    return sorted(found, key=lambda one: (one.phase, one.start_s))


def run(
    source: Source,
    params: "Params",
    plan: Plan,
    range_: Range,
    parts: Parts,
    work: Work,
    report: Report,
) -> Part:
    """Encode the stretch of a range, measure the loudness of its track, or list packets.

    Raises:
        VideodropError: see ``ffmpeg.judge``. Of what cannot be decoded, nothing is made.
    """
    if range_.name == _PACKETS:
        return _lists(source, params, plan, parts).part()
    kind, number, *_ = range_.name.split("-")
    track = pictures.wanted_sounds(source, params)[int(number) - 1]
    stretch = stretches.of(range_, source.probe.duration_s)
    scratch = work.folder / f"tracks-{work.tag}"
    scratch.mkdir()
    try:
        given = _reading(source, track, range_, parts, stretch, scratch)
        if given is None:
            return Encoded(errors=int(stretch.whole)).part()
        known = {n: gain for one in parts for n, gain in Stored.of(one.part).gains.items()}
        gain = known[track.index] if track.index in known else _gain(given, params, report)
        if kind == _LOUDNESS:
            return Encoded(gains={track.index: gain}).part()
        name = f"hls/audio-{number}/{work.tag}.mp4"
        made = _encoded(source, params, given, stretch, gain, Work(scratch, name), report)
        encoded.moved([one.track.name for one in made.sounds], scratch, work.folder)
        return made.part()
    finally:
        shutil.rmtree(scratch)


def silence(stretch: Stretch, params: "Params", folder: Path, name: str, report: Report) -> Track:
    """Write the silence of a stretch to ``folder``, with the header of the other ranges."""
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    layout = f"anullsrc=r={stretches.RATE}:cl=stereo"
    given = fluent.input(layout, format="lavfi")["0"]
    raw = folder / f"{name}.raw"
    raw.parent.mkdir(parents=True, exist_ok=True)
    cut = f"atrim=end_sample={stretch.samples}"
    node = renditions.encoded_sound(given, raw, cut, params.audio_bps, part=True)
    ffmpeg.run(node, progress=ffmpeg.Progress(report, stretch.until_s))
    made = sound_track.placed(raw, folder, name, stretch)
    raw.unlink()
    return made


def _lists(source: Source, params: "Params", plan: Plan, parts: Parts) -> Encoded:
    """Return the packets that each range of sound reads."""
    found = {}
    for number, track in enumerate(pictures.wanted_sounds(source, params), 1):
        stored = packet_lists.spans(track, parts)
        for range_ in plan.ranges:
            if range_.name.startswith(f"{_SOUND}-{number}-"):
                stretch = stretches.of(range_, source.probe.duration_s)
                if listed := packet_lists.listed(stored, track, stretch):
                    found[range_.name] = listed
    return Encoded(lists=found)


def _reading(
    source: Source, track: AudioStream, range_: Range, parts: Parts, stretch: Stretch, folder: Path
) -> Reading | None:
    """Return what the stretch of a track is read from; None if it has no packets."""
    if not packets.can_store(track):
        return readings.of_source(source, track, stretch)
    if stretch.whole:
        listed = packet_lists.listed(packet_lists.spans(track, parts), track, stretch)
    else:
        lists = {name: one for made in parts for name, one in Stored.of(made.part).lists.items()}
        listed = lists.get(range_.name)
    if listed is None:
        return None
    path = folder / "packets.nut"
    return readings.of_packets(source, track, listed, parts, stretch, path)


def _gain(given: Reading, params: "Params", report: Report) -> float | None:
    """Return the gain of a track in dB for the wanted loudness; None for none."""
    found = sound.gains(given.path, [given.track], params.loudness_lufs, report)
    return found.get(given.track.index)


def _encoded(
    source: Source,
    params: "Params",
    given: Reading,
    stretch: Stretch,
    gain: float | None,
    work: Work,
    report: Report,
) -> Encoded:
    """Encode a stretch to the file ``work.tag``.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    folder, name = work
    target = folder / name
    target.parent.mkdir(parents=True)
    raw = target if stretch.whole else folder / "raw.mp4"
    stream = given.source()
    filters = stretch.filters(given.track, gain, places=given.places, surplus=given.surplus)
    sound_ = stream[str(given.track.index)]
    part = not stretch.whole
    node = renditions.encoded_sound(sound_, raw, filters, params.audio_bps, part=part)
    node = given.clocked(node, stream, source, stretch)
    length_s = stretch.until_s - stretch.begin_s
    try:
        errors = ffmpeg.run(node, progress=ffmpeg.Progress(report, length_s)).count
        made = sound_track.placed(raw, folder, name, stretch) if part else cmaf.read(raw, name)
    except BadInput:
        return Encoded(errors=1)
    if errors and not sound.decodes(given.path, given.track, report):
        return Encoded(errors=errors)
    return Encoded(sounds=(Heard(stream=given.stream, track=made),), errors=errors)
