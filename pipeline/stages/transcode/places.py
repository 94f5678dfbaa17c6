"""The places at which stored packets of sound are heard, as in one pass over all of them.

One pass counts samples. It fills or cuts only where a packet's time is far from the count, so
smaller gaps add up until they are filled at once. A range that begins in the middle cannot know
what has added up before. So each range of pictures records the times of the packets that it
stores, from which the count follows.
"""

import contextlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pipeline.core.errors import BadInput
from pipeline.media import ffmpeg, streams

# As in ffmpeg's resampler with async=1, seconds.
_LEAST_AT_START, _LEAST = 0.001, 0.1
# With more gaps than these, durations are not those of what is decoded.
_MOST_APART = 0.5
# Times that are rounded to milliseconds differ from the count by less.
_ROUNDED_S = 0.002


class Batch(NamedTuple):
    """Packets without a gap between them; times are samples of the track.

    Attributes:
        start: time of the first one, on the film's timeline.
        samples: of all of them.
    """

    start: int
    samples: int


class Step(NamedTuple):
    """From ``start`` on, packets are heard ``offset`` samples after their time."""

    start: int
    offset: int


def batches(path: Path, *, rate: int, origin_s: int) -> tuple[Batch, ...] | None:
    """Return the batches of a file with packets alone; None if their durations are unknown.

    Args:
        path: the file.
        rate: samples of the track in a second.
        origin_s: the time in the file at which the film begins.
    """
    given = _listed(path, "packet=pts_time,duration_time")
    if len(given) > 1 and given[1][1] is None:  # as of FLAC, which decodes quickly
        frames = _listed(path, "frame=pts_time,nb_samples")
        if len(frames) != len(given):
            return None
        given = [(time_s, count / rate if count else None) for time_s, count in frames]
    elif len(given) > 1 and given[0][1] is None:  # ffmpeg does not know that of the first one
        given[0] = (given[0][0], given[1][1])
    found: list[Batch] = []
    apart = 0
    for time_s, length_s in given:
        if time_s is None or length_s is None:
            return None
        start, samples = round((time_s - origin_s) * rate), round(length_s * rate)
        gap = start - found[-1].start - found[-1].samples if found else 0
        apart += abs(gap) > _ROUNDED_S * rate
        if found and not gap:
            start, samples = found[-1].start, found.pop().samples + samples
        found.append(Batch(start, samples))
    return None if apart > _MOST_APART * len(given) else tuple(found)


def _listed(path: Path, entries: str) -> list[tuple[float | None, float | None]]:
    """Return two values of all packets or frames, as ffprobe shows them."""
    found = []
    with (
        contextlib.suppress(BadInput),
        ffmpeg.probing(path, "-show_entries", entries, "-of", "csv=p=0") as child,
    ):
        for line in child.lines():
            first, _, second = line.strip().rstrip(",").partition(",")
            if first:  # an empty line follows side data
                found.append((streams.number(first), streams.number(second)))
        ffmpeg.judge(child)
    return found


def steps(found: Iterable[Batch], rate: int) -> list[Step]:
    """Return the offsets of all batches of a track, given from its start on."""
    made: list[Step] = []
    count = 0
    for batch in found:
        least_s = _LEAST if made else _LEAST_AT_START
        if abs(batch.start - count) > least_s * rate:
            count = batch.start
        offset = count - batch.start
        if not made or made[-1].offset != offset:
            made.append(Step(batch.start, offset))
        count += batch.samples
    return made


def expression(given: Sequence[Step], start: int, cut: int, end: int, rate: int) -> str:
    """Return the expression of ffmpeg for where the samples from ``start`` to ``end`` are heard.

    It is exact up to ``cut``, where ffmpeg's own count begins. Later, small steps do not matter.

    Returns:
        an expression of ``PTS``; empty if they are heard at their own times.
    """
    before = [step for step in given if step.start <= start][-1:]
    later = [step for step in given if start < step.start < end]
    terms, offset = [], 0
    for step in [*before, *later]:
        change = step.offset - offset
        if change and (step.start <= cut or abs(change) > _ROUNDED_S * rate):
            terms.append(f"{change:+d}*gte(PTS,{step.start})")
            offset = step.offset
    return "".join(["PTS", *terms]) if terms else ""
