"""Decoded frames as arrays, one at a time, each with its presentation time."""

import itertools
import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from functools import partial
from itertools import pairwise

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import Probe
from pipeline.core.progress import Report
from pipeline.media import decoding, gops, picture
from pipeline.media.decoding import Frame, require_video
from pipeline.media.process import Complaints

# Unreferenced frames may be skipped when the source has this many times the requested frames.
# Another frame, at most a few source frames away, then replaces the skipped one.
_SKIP_FROM = 8
# Keyframes an interval apart fall into each interval, but anywhere in it.
_LONGEST_GAP = 2.5
_ROUNDED_S = 0.0005  # timestamps may be rounded down
_TICK_S = 1e-6  # times are multiples of it
_TRIED_S, _TRIED = 30.0, 16
_SAME_S = 0.01
_LEAST_SIDE = 16


def sample(
    path: Location,
    probe: Probe,
    *,
    fps: float,
    long_side: int,
    rough: bool = False,
    keyed: bool = False,
    section_s: float = math.inf,
    start_s: float = 0.0,
    end_s: float | None = None,
    report: Report | None = None,
    threads: int | None = None,
    complaints: Complaints | None = None,
) -> Generator[Frame]:
    """Yield the first frame of every ``1/fps`` seconds, with its true presentation time.

    Memory does not grow with the duration: ffmpeg blocks until a frame is read. Intervals without
    a frame (variable frame rates) yield none.

    Not all frames are decoded:

    * If ``keyed``, only keyframes are. Where they come less often, the rest of the section is
      sampled as any other.
    * Otherwise, and if the source has at least eight times the requested frames, unreferenced
      frames are not. The chosen frame may then be a few source frames later.

    The time of a frame is always its own.

    Args:
        path: the file that ``probe`` describes.
        probe: the result of ``probe.probe``.
        fps: frames per second of video.
        long_side: frames are scaled down to at most this many pixels; sides are even.
        rough: for machines, not for eyes. H.264 is then decoded without its loop filter, which
            takes a tenth of the time, if frames are scaled down to half their size or less: edges
            of blocks are left, too faint there to change what a detector finds.
        keyed: keyframes are dense enough to be all that is decoded; see ``gops.within``.
        section_s: length of a section. The choice of frames begins again in each: so parts of whole
            sections have the frames of one pass.
        start_s: start of the part to sample, a multiple of ``section_s``.
        end_s: its end; None for the end of the video.
        report: its deadline limits the decoding. The caller reports progress, by ``time_s``.
        threads: decoder and filter threads; see ``ffmpeg``.
        complaints: collects the decoder's error lines; not empty at the end if the media is
            damaged.

    Raises:
        BadInput: ``no_video``; ``undecodable`` when no frame of a whole video could be decoded.
        VideodropError: see ``ffmpeg.judge``.
    """
    video = require_video(probe)
    half = 2 * long_side <= max(video.width, video.height)
    # Frames are deinterlaced with those before and after them.
    around_s = 2 / fps if video.interlaced else 0.0

    def decoded(skip: str | None, start_s: float, end_s: float | None) -> Generator[Frame]:
        found = decoding.decoded(
            path,
            probe,
            _first_of_each(fps, section_s),
            size=picture.fit(video, long_side=long_side),
            start_s=max(0.0, start_s - around_s),
            end_s=None if end_s is None else end_s + around_s,
            report=report,
            threads=threads,
            complaints=complaints,
            skip_frame=skip,
            deblock=not (rough and video.codec == "h264" and half),
        )
        last_s = math.inf if end_s is None else end_s
        with closing(found):
            yield from (frame for frame in found if start_s <= frame.time_s < last_s)

    usual = partial(decoded, "noref" if video.fps >= _SKIP_FROM * fps else None)
    if not keyed:
        return usual(start_s, end_s)
    spans = _sections(start_s, probe.duration_s if end_s is None else end_s, section_s)
    keys = partial(decoded, "nokey")(start_s, end_s)
    # A video begins with a keyframe. A decoder that puts keyframes in another order loses it.
    first_s = math.inf if start_s else video.start_s + 1 / fps
    return _keyed(keys, usual, spans, _LONGEST_GAP / fps, end_s, first_s=first_s)


def _first_of_each(fps: float, section_s: float = math.inf) -> str:
    """Return the ffmpeg expression for the first frame of every ``1/fps`` seconds."""
    # Timestamps are rounded: a frame just before a multiple of 1/fps counts as on it.
    slot, last = (f"floor(({t}+{_ROUNDED_S})*{fps:.9g})" for t in ("t", "prev_selected_t"))
    first = f"isnan(prev_selected_t)+gt({slot},{last})"
    if math.isinf(section_s):
        return first
    section, before = (
        f"floor(({t}+{_TICK_S / 2:.7f})/{section_s})" for t in ("t", "prev_selected_t")
    )
    return f"{first}+gt({section},{before})"


def _sections(start_s: float, end_s: float, section_s: float) -> list[tuple[float, float]]:
    """Return the spans of the sections from ``start_s`` to ``end_s``, at least one."""
    edges = [start_s]
    while edges[-1] + section_s < end_s:
        edges.append(edges[-1] + section_s)
    return list(pairwise([*edges, max(start_s, end_s)]))


def _keyed(
    keys: Generator[Frame],
    usual: Callable[[float, float | None], Generator[Frame]],
    spans: Sequence[tuple[float, float]],
    longest_s: float,
    end_s: float | None,
    *,
    first_s: float,
) -> Generator[Frame]:
    """Yield keyframes; after a gap in a section, the usual frames up to its end.

    Args:
        keys: the keyframes.
        usual: returns the usual frames from one time to another.
        spans: start and end of the sections.
        longest_s: the longest gap allowed.
        end_s: None if the last section ends with the video.
        first_s: a first keyframe after it leaves a gap.
    """
    last_s = -math.inf
    missing_s: float | None = None  # since when there are too few keyframes

    def fill(until_s: float | None) -> Iterator[Frame]:
        if missing_s is not None:
            with closing(usual(missing_s, until_s)) as found:
                yield from (frame for frame in found if frame.time_s > last_s)

    with closing(keys):
        key = _next(keys)
        complete = key is not None and key.time_s <= first_s
        for number, (begin_s, until_s) in enumerate(spans):
            is_last = number == len(spans) - 1
            reached_s, dense = begin_s, complete or number > 0
            while key and (is_last or key.time_s < until_s):
                dense = dense and key.time_s - reached_s <= longest_s
                if dense:
                    yield from fill(begin_s)
                    missing_s = None
                    yield key
                    reached_s = last_s = key.time_s
                key = _next(keys)
            if missing_s is None and not (dense and until_s - reached_s <= longest_s):
                missing_s = reached_s
        yield from fill(end_s)


def _next(frames: Iterator[Frame]) -> Frame | None:
    with suppress(BadInput):
        return next(frames, None)
    return None


def keys_suffice(path: Location, probe: Probe) -> bool:
    """Return whether each keyframe can be decoded without the frames between keyframes.

    Those of open GOPs may not: after a seek, others are then lost than in one pass. Keyframes of
    H.264 may also be incomplete (intra refresh). The first ones of the video are tried.

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
    """
    video = require_video(probe)
    keys = sorted(gops.keys(path, probe, _TRIED_S))[:_TRIED]
    found = decoding.decoded(
        path,
        probe,
        "1",
        size=picture.fit(video, long_side=_LEAST_SIDE),
        end_s=_TRIED_S,
        report=None,
        threads=None,
        complaints=None,
        skip_frame="nokey",
    )
    with closing(found):
        times = [frame.time_s for frame in itertools.islice(found, len(keys))]
    return len(times) == len(keys) and all(
        abs(time_s - key_s) < _SAME_S for time_s, key_s in zip(times, keys, strict=True)
    )


def at(
    path: Location,
    probe: Probe,
    time_s: float,
    *,
    long_side: int,
    keyframe: bool = False,
    seek: bool = True,
    report: Report | None = None,
) -> Frame | None:
    """Return the frame shown from ``time_s`` on; None after the last one, or if none is decoded.

    Args:
        path: the file that ``probe`` describes.
        probe: the result of ``probe.probe``.
        time_s: its time.
        long_side: see ``sample``.
        keyframe: decode only keyframes, as it is one; a seek may begin a whole GOP before it.
        seek: False decodes from the beginning: where the clock jumps, seeking finds other frames.
        report: see ``sample``.
    """
    video = require_video(probe)
    from_s = max(0.0, time_s - _ROUNDED_S)
    found = decoding.decoded(
        path,
        probe,
        "1" if seek else f"gte(t,{from_s:.6f})",
        size=picture.fit(video, long_side=long_side),
        report=report,
        threads=None,
        complaints=None,
        offset_s=from_s if seek else 0.0,
        skip_frame="nokey" if keyframe else None,
    )
    with closing(found) as stream, suppress(BadInput):
        return next(stream, None)
    return None
