"""The frames of a rendition on the film's timeline, in fragments that fit those of other spans.

ffmpeg's decode times follow from the frames of its own run, and so does the edit list that takes
off their delay. Here the presentation times alone decide: decode times are the same times in
order, less where that is more than a fixed delay after a frame is shown. So every fragment begins
to be decoded when the one before it ends, and all files of a rendition have the same header.

The last frame of the film lasts as long as the source does. A player takes the latest end of a
sample as the end of the video, so none ends later.

Browsers take the time between two decodings as the time that a frame is shown. So a frame that is
shown last and not decoded last seems to end early. Before a pause, the rest of its segment seems to
be missing: hls.js loads the segment again, and Chromium may then drop the next one's frames.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.core.errors import BadInput
from pipeline.stages.transcode import boxes, cmaf, fragmented
from pipeline.stages.transcode.boxes import Run, Sample
from pipeline.stages.transcode.cmaf import Found, Fragment, Track
from pipeline.stages.transcode.spans import ROUNDING_S, Span

_CHUNK = 1 << 20
# hls.js passes over 0.25 s at the end of a segment, and shifts a picture by the delay.
_MOST_UNSEEN_S = 0.2


class Misaligned(Exception):
    """A fragment with no keyframe at its beginning, or with more than that one."""


class Reordered(Exception):
    """A fragment whose last frame is not decoded last, and is shown for longer than it seems."""


class _Timed(NamedTuple):
    """A fragment and the presentation times of its samples on the film's timeline, in ticks."""

    found: Found
    times: list[int]


def placed(
    source: Path,
    folder: Path,
    name: str,
    span: Span,
    *,
    delay_s: float,
    listed: bool,
    reordered: bool = False,
) -> Track:
    """Write the fragments of ``source`` that begin within a span to a file of its own.

    The first fragment after the span tells when its last frame ends.

    Args:
        source: a file of ffmpeg, with the times of the film.
        folder: the work directory.
        name: the file below it.
        span: of the film.
        delay_s: of the edit list, the same in all files of a rendition: frames are decoded at most
            this long before those that they follow are shown.
        listed: whether the track lists its samples.
        reordered: whether a fragment may seem to end early.

    Raises:
        BadInput: ``undecodable``: there is no fragment within the span.
        Misaligned: a fragment is not one GOP, or begins before the film.
        Reordered: a fragment seems to end early.
    """
    init, header = cmaf.header(source)
    scale = boxes.timescale(header[b"mdhd"])
    shift = round(boxes.edit_offset(header) * scale)
    every = [
        _Timed(one, [time + shift for time in one.run.times])
        for one in cmaf.fragments(source, header)
    ]
    kept, next_start = _within(every, span, scale)
    if not kept:
        raise BadInput("undecodable", "This track could not be decoded.")
    starts = [min(one.times) for one in kept]
    if starts[0] < -ROUNDING_S * scale:  # of a copy: an edit list hides it in the source
        raise Misaligned
    if next_start is None:
        next_start = round((span.film_s if span.last else span.end_s) * scale)
    delay = round(delay_s * scale)
    init = fragmented.header(init, delay)
    target = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    fragments, samples = [], []
    with source.open("rb") as given, target.open("wb") as file:
        file.write(init)
        for one, start, end in zip(kept, starts, [*starts[1:], next_start], strict=True):
            if not _is_gop(one.found.run):
                raise Misaligned
            final = span.last and one is kept[-1]
            run, shown_until = _run(one, start, end, delay, final=final)
            if not reordered and _unseen(run, shown_until + delay) > _MOST_UNSEEN_S * scale:
                raise Reordered
            offset = file.tell()
            moof = fragmented.of_picture(run, max(0, round(1000 * start / scale)) + 1)
            file.write(moof)
            _copy_media(given, one.found, file)
            size = file.tell() - offset
            fragments.append(Fragment(offset, size, start / scale, shown_until / scale))
            if listed:
                samples.append(cmaf.samples(offset + len(moof) + 8, run))
    return Track(
        name=name,
        codecs=cmaf.codecs(header[b"stsd"]),
        header=init.hex(),
        fragments=tuple(fragments),
        samples=tuple(samples),
    )


def aligned(tracks: Sequence[Track]) -> bool:
    """Return whether the fragments of all tracks begin at the same times."""
    first = tracks[0].fragments
    return all(
        len(track.fragments) == len(first)
        and all(
            abs(a.start_s - b.start_s) < 10 * ROUNDING_S
            for a, b in zip(track.fragments, first, strict=True)
        )
        for track in tracks
    )


def _within(every: list[_Timed], span: Span, scale: int) -> tuple[list[_Timed], int | None]:
    """Return the fragments that begin within the span, and the start of the next one."""
    low = float("-inf") if span.first else (span.start_s - ROUNDING_S) * scale
    high = float("inf") if span.last else (span.end_s - ROUNDING_S) * scale
    kept = [one for one in every if low <= min(one.times) < high]
    return kept, next((min(one.times) for one in every if min(one.times) >= high), None)


def _is_gop(run: Run) -> bool:
    first, *others = run.samples
    return first.sync and not any(sample.sync for sample in others)


def _run(one: _Timed, start: int, end: int, delay: int, *, final: bool) -> tuple[Run, int]:
    """Return the samples with decode times of their own, and when the last frame ends.

    Args:
        one: the fragment.
        start: time of its first frame.
        end: time of the next fragment's first frame, or the end of the film.
        delay: of the edit list.
        final: it is the film's last one, which nothing follows in the order of decoding.
    """
    given = one.found.run.samples
    last = max(one.times)
    end = end if end > last else last + given[-1].duration
    decodes = [*_decode_times(one.times, delay), end]
    samples: list[Sample] = []
    decode, reached = start, 0
    for number, (time, sample) in enumerate(zip(one.times, given, strict=True)):
        duration = decodes[number + 1] - decodes[number]
        if final:
            duration = max(1, min(duration, end - time))
            if number == len(given) - 1 and reached < end:
                duration = end - time
        samples.append(sample._replace(duration=duration, shift=time + delay - decode))
        decode += duration
        reached = max(reached, time + duration)
    return Run(start, tuple(samples)), end


def _unseen(run: Run, end: int) -> int:
    """Return for how long after its duration the frame that is shown last stays, until ``end``."""
    time, sample = max(zip(run.times, run.samples, strict=True))
    return end - time - sample.duration


def _decode_times(times: list[int], delay: int) -> list[int]:
    """Return rising decode times: those of presentation in order, or earlier where they must be."""
    found: list[int] = []
    latest = max(times) + delay + 1
    for time, slot in zip(reversed(times), sorted(times, reverse=True), strict=True):
        latest = min(latest, time + delay + 1)
        latest = min(latest - 1, slot)
        found.append(latest)
    return found[::-1]


def _copy_media(given: IO[bytes], found: Found, file: IO[bytes]) -> None:
    file.write(struct.pack(">I4s", 8 + found.size, b"mdat"))
    given.seek(found.media)
    left = found.size
    while left and (data := given.read(min(left, _CHUNK))):
        file.write(data)
        left -= len(data)
