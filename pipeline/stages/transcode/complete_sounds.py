"""The tracks of a film's sound, from the files of all ranges; silence where one has none."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.core.media_info import AudioStream
from pipeline.core.ranges import Artifact, Parts, Plan
from pipeline.core.stage import Report, Source
from pipeline.stages.transcode import pictures, sounds, stretches
from pipeline.stages.transcode.cmaf import Track
from pipeline.stages.transcode.encoded import Encoded

if TYPE_CHECKING:
    from pipeline.stages.transcode.stage import Params


class Sounds(NamedTuple):
    """The tracks that could be decoded, with their files, and the files written here."""

    tracks: list[tuple[AudioStream, list[Track]]]
    artifacts: list[Artifact]


def of(
    source: Source,
    params: "Params",
    plan: Plan,
    parts: Parts,
    made: Sequence[Encoded],
    work: Path,
    report: Report,
) -> Sounds:
    """Return the tracks of a film, each without a gap between its files.

    Args:
        source: the film.
        params: parameters of the stage.
        plan: its division.
        parts: of all ranges.
        made: their data.
        work: the directory of the result.
        report: the progress.
    """
    found: list[tuple[AudioStream, list[Track]]] = []
    silent = []
    for number, stream in enumerate(pictures.wanted_sounds(source, params), 1):
        heard = {
            part.range.name: one.track
            for part, data in zip(parts, made, strict=True)
            for one in data.sounds
            if one.stream == stream.index
        }
        for range_ in plan.ranges if heard else ():
            if range_.name.startswith(f"sound-{number}-") and range_.name not in heard:
                name = f"hls/audio-{number}/{range_.name}-silent.mp4"
                stretch = stretches.of(range_, source.probe.duration_s)
                heard[range_.name] = sounds.silence(stretch, params, work, name, report)
                silent.append(Artifact(name=name, media_type="audio/mp4", role="hls_segments"))
        if heard:
            found.append((stream, [heard[one.name] for one in plan.ranges if one.name in heard]))
    return Sounds(found, silent)
