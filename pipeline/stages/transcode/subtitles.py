"""Text subtitles of a file as WebVTT; those that are pictures cannot become text."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import Probe, SubtitleStream
from pipeline.media import ffmpeg, webvtt

_PIXELS = 1 << 26  # ffmpeg decodes a first frame of the picture to read the streams
_TEXT = frozenset(
    {"ass", "jacosub", "microdvd", "mov_text", "mpl2", "pjs", "realtext", "sami", "ssa", "stl"}
    | {"subrip", "subviewer", "subviewer1", "text", "ttml", "vplayer", "webvtt", "eia_608"}
)
_UNTIMED_S = 5.0  # longest time on screen of a cue without an end
_TIMES = re.compile(r"\s*((?:\d+:)?\d\d:\d\d[.,]\d{3}) --> ((?:\d+:)?\d\d:\d\d[.,]\d{3})")
_STYLES = re.compile(r"&lt;(/?[biu])&gt;")


def is_text(track: SubtitleStream) -> bool:
    """Return whether a track is text."""
    return track.codec in _TEXT


def read(
    path: Location,
    probe: Probe,
    wanted: Sequence[SubtitleStream],
    work: Path,
    progress: ffmpeg.Progress,
) -> dict[int, str]:
    """Return the text tracks as WebVTT on the file's timeline, by stream index.

    The file is read once for all tracks. If that fails, each track is read by itself.

    Returns:
        only the tracks that can be decoded and have text.
    """
    try:
        found = _extracted(path, probe, wanted, work, progress)
    except BadInput:
        found = {}
        for track in wanted if len(wanted) > 1 else ():
            try:
                found |= _extracted(path, probe, [track], work, progress)
            except BadInput:
                continue
    texts = {index: clean(text, probe.duration_s) for index, text in found.items()}
    return {index: text for index, text in texts.items() if "-->" in text}


def _extracted(
    path: Location,
    probe: Probe,
    wanted: Sequence[SubtitleStream],
    work: Path,
    progress: ffmpeg.Progress,
) -> dict[int, str]:
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    source = ffmpeg.source(path, max_pixels=_PIXELS, threads=1)
    files = {track.index: work / f"subtitles-{track.index}.vtt" for track in wanted}
    outputs = [
        fluent.output(source[str(index)], f"file:{file}", format="webvtt")
        for index, file in files.items()
    ]
    node = fluent.merge_outputs(*outputs)
    if probe.clock_jumps:  # otherwise it is one clock anyway, and the media need not be read
        node = ffmpeg.on_whole_clock(node, source, probe.streams)
    ffmpeg.run(node, progress=progress, threads=1)
    return {index: file.read_text("utf-8", "replace") for index, file in files.items()}


def clean(text: str, duration_s: float) -> str:
    """Return WebVTT of ffmpeg as valid WebVTT of a video of ``duration_s``.

    ffmpeg escapes nothing, and text with an empty line would end its cue. A cue without an end,
    as in fragmented MP4, lasts until the next one.
    """
    found = sorted(_cues(text), key=lambda one: one[0])
    following = [*(start for start, _, _ in found), duration_s][1:]
    cues = ["WEBVTT\n"]
    for (start, end, lines), limit in zip(found, following, strict=True):
        shown = [line for line in map(_line, lines) if line]
        until = min(duration_s, end if end > start else min(limit, start + _UNTIMED_S))
        if shown and start < until:
            cues.append(webvtt.cue(start, until, "\n".join(shown)))
    return "\n".join(cues)


def _cues(text: str) -> Iterator[tuple[float, float, list[str]]]:
    current: tuple[float, float, list[str]] | None = None
    for line in text.splitlines():
        if found := _TIMES.match(line):
            if current:
                yield current
            current = (_seconds(found[1]), _seconds(found[2]), [])
        elif current:
            current[2].append(line)
    if current:
        yield current


def _line(text: str) -> str:
    return _STYLES.sub(r"<\1>", webvtt.escaped(webvtt.shown(text)))


def _seconds(clock: str) -> float:
    total = 0.0
    for part in clock.replace(",", ".").split(":"):
        total = total * 60 + float(part)
    return total
