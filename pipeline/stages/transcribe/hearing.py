"""The speech in a part of an audio track: sound → voice activity → windows → listener."""

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from pipeline.core.errors import BadInput
from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Range
from pipeline.core.stage import Report, Source
from pipeline.media import audio
from pipeline.media.process import Complaints
from pipeline.stages.transcribe import cuts, vad, windows
from pipeline.stages.transcribe.listening import Listener
from pipeline.stages.transcribe.parts import Failure, Spoken

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

_log = logging.getLogger(__name__)
_CHUNK_S = 5.0  # decoding of a range begins and ends with whole chunks
_STEREO = 2


def edges(
    source: Source, track: AudioStream, section_s: float, rules: windows.Rules, report: Report
) -> list[float]:
    """Return the start of each section of a track and the end of the last one, in seconds.

    Where a part can be decoded only from the beginning of the file, the whole track is one section.
    """
    duration = source.probe.duration_s
    if not source.probe.seeks:
        return [0.0, duration]

    def sound(start: float, end: float) -> Iterator["Samples"]:
        report(0.0)
        return _until_failure(_decoded(source, track, start, end, report, Complaints()), [])

    inner = [cuts.near(one, sound, rules) for one in cuts.boundaries(duration, section_s)]
    return [0.0, *inner, duration]


def spoken(
    source: Source,
    track: AudioStream,
    section: Range,
    listener: Listener,
    rules: windows.Rules,
    report: Report,
) -> Spoken:
    """Return the speech in a section of a track."""
    complaints = Complaints()
    failures: list[BadInput] = []
    # To the end of the track, so that ffmpeg's verdict on the whole file is heard.
    end = section.end_s if section.end_s < source.probe.duration_s else None
    # Closed, because the traceback of an error would keep ffmpeg waiting.
    with closing(_decoded(source, track, section.start_s, end, report, complaints)) as sound:
        heard = _reported(_until_failure(sound, failures), section, report)
        found = windows.cut(vad.scored(vad.blocks(heard)), rules)
        utterances = [one.shifted(section.start_s) for one in listener.listen(found)]
    if complaints.count:
        _log.info("%s: errors of the audio decoder: %s", source.name, complaints)
    failure = next((Failure(code=one.code, message=one.message) for one in failures), None)
    if failure:
        _log.info("%s: %s ends early: %s", source.name, section.name, failure.message)
    damaged = complaints.count > 0 or failure is not None
    return Spoken(utterances=utterances, damaged=damaged, failure=failure)


def _decoded(
    source: Source,
    track: AudioStream,
    start: float,
    end: float | None,
    report: Report,
    complaints: Complaints,
) -> Generator["Samples"]:
    yield from audio.stream(
        source.path,
        track.index,
        alongside=source.probe.streams,
        container=source.probe.container,
        time_base=track.time_base,
        discrete=track.channels if track.layout is None and track.channels > _STEREO else None,
        start_s=start,
        end_s=end,
        chunk_s=_CHUNK_S,
        report=report,
        complaints=complaints,
    )


def _until_failure(sound: Iterator["Samples"], failures: list[BadInput]) -> Iterator["Samples"]:
    """Yield chunks up to the place where decoding fails; add the error to ``failures``."""
    try:
        yield from sound
    except BadInput as error:
        failures.append(error)


def _reported(sound: Iterable["Samples"], section: Range, report: Report) -> Iterator["Samples"]:
    """Yield chunks within the section, and report progress."""
    whole = round((section.end_s - section.start_s) * vad.RATE)
    at = 0
    for chunk in sound:
        report(at / max(1, whole))
        yield chunk[: max(0, whole - at)]
        at += len(chunk)
