"""Decoded frames as arrays, one at a time, each with its presentation time."""

import math
import os
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

from pipeline.core.errors import BadInput
from pipeline.core.media_info import Probe, VideoStream
from pipeline.core.progress import Report
from pipeline.media import ffmpeg, gops, picture
from pipeline.media.process import Complaints

if TYPE_CHECKING:
    import numpy as np

# Unreferenced frames may be skipped when the source has this many times the requested frames.
# Another frame, at most a few source frames away, then replaces the skipped one.
_SKIP_FROM = 8
# Keyframes an interval apart fall into each interval, but anywhere in it.
_LONGEST_GAP = 2.5
_TICKS = 1_000_000
_PTS = re.compile(rb"pts:(-?[0-9]+)")


class Frame(NamedTuple):
    """A frame and its time.

    Attributes:
        time_s: its presentation time on the file's timeline (see ``media_info.VideoStream``).
        image: uint8 RGB, [height, width, 3]; upright, square pixels, SDR; read-only.
    """

    time_s: float
    image: "np.ndarray"


def sample(
    path: Path,
    probe: Probe,
    *,
    fps: float,
    long_side: int,
    rough: bool = False,
    report: Report | None = None,
    threads: int | None = None,
    complaints: Complaints | None = None,
) -> Generator[Frame]:
    """Yield the first frame of every ``1/fps`` seconds, with its true presentation time.

    Memory does not grow with the duration: ffmpeg blocks until a frame is read. Intervals without
    a frame (variable frame rates) yield none.

    Not all frames are decoded:

    * If a keyframe comes at least every ``1/fps`` seconds by the file's packets (``gops.within``),
      only keyframes are. If the decoder then gives fewer, since flags can be wrong, the rest of the
      video is sampled as any other.
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
        report: its deadline limits the decoding. The caller reports progress, by ``time_s``.
        threads: decoder and filter threads; see ``ffmpeg``.
        complaints: collects the decoder's error lines; not empty at the end if the media is
            damaged.

    Raises:
        BadInput: ``no_video``; ``undecodable`` when no frame could be decoded.
        VideodropError: see ``ffmpeg.judge``.
    """
    video = require_video(probe)
    # Timestamps are rounded: a frame just before a multiple of 1/fps counts as on it.
    slot, last = f"floor((t+0.0005)*{fps:.9g})", f"floor((prev_selected_t+0.0005)*{fps:.9g})"

    def decoded(skip: str | None) -> Generator[Frame]:
        return _decoded(
            path,
            probe,
            f"isnan(prev_selected_t)+gt({slot},{last})",
            size=picture.fit(video, long_side=long_side),
            report=report,
            threads=threads,
            complaints=complaints,
            skip_frame=skip,
            deblock=not (rough and video.codec == "h264" and half),
        )

    half = 2 * long_side <= max(video.width, video.height)
    usual = "noref" if video.fps >= _SKIP_FROM * fps else None
    return _keyed(path, probe, 1 / fps, decoded, usual)


def _keyed(
    path: Path,
    probe: Probe,
    interval_s: float,
    decoded: Callable[[str | None], Generator[Frame]],
    usual: str | None,
) -> Generator[Frame]:
    """Yield keyframes while they are dense enough, then the usual frames after the last one."""
    longest_s = _LONGEST_GAP * interval_s
    reached_s = -math.inf
    if gops.within(path, probe, interval_s):
        with closing(decoded("nokey")) as stream, suppress(BadInput):
            for frame in stream:
                if reached_s < frame.time_s - longest_s and math.isfinite(reached_s):
                    break
                reached_s = frame.time_s
                yield frame
    if reached_s < probe.duration_s - longest_s:
        yield from (frame for frame in decoded(usual) if frame.time_s > reached_s)


def keyframes(
    path: Path,
    probe: Probe,
    *,
    long_side: int,
    every_s: float = 0.0,
    report: Report | None = None,
    threads: int | None = None,
    complaints: Complaints | None = None,
) -> Iterator[Frame]:
    """Yield keyframes at least ``every_s`` seconds apart; only keyframes are decoded.

    Arguments and errors are those of ``sample``.
    """
    video = require_video(probe)
    return _decoded(
        path,
        probe,
        f"isnan(prev_selected_t)+gte(t-prev_selected_t,{every_s:.9g})",
        size=picture.fit(video, long_side=long_side),
        report=report,
        threads=threads,
        complaints=complaints,
        skip_frame="nokey",
    )


def at(
    path: Path,
    probe: Probe,
    time_s: float,
    *,
    long_side: int,
    report: Report | None = None,
    threads: int | None = None,
    complaints: Complaints | None = None,
) -> Frame | None:
    """Return the frame shown from ``time_s`` on, found by seeking; None after the last one.

    Arguments and errors are those of ``sample``, except that undecodable media also gives None.
    """
    video = require_video(probe)
    found = _decoded(
        path,
        probe,
        "1",
        size=picture.fit(video, long_side=long_side),
        report=report,
        threads=threads,
        complaints=complaints,
        offset_s=max(0.0, time_s - 0.0005),  # its timestamp may be rounded down
    )
    try:
        return next(found, None)
    except BadInput:
        return None
    finally:
        found.close()


def require_video(probe: Probe) -> VideoStream:
    """Return the video track.

    Raises:
        BadInput: ``no_video``.
    """
    if probe.video is None:
        raise BadInput("no_video", "The file has audio but no video.")
    return probe.video


def _decoded(
    path: Path,
    probe: Probe,
    select: str,
    *,
    size: tuple[int, int],
    report: Report | None,
    threads: int | None,
    complaints: Complaints | None,
    offset_s: float = 0.0,
    skip_frame: str | None = None,
    deblock: bool = True,
) -> Generator[Frame]:
    """Yield the frames that the ffmpeg expression ``select`` chooses.

    Pixels come through stdout and times through a second pipe. ffmpeg writes a frame's time before
    its pixels, so reading the pixels first never blocks on the time.
    """
    import numpy as np  # noqa: PLC0415 - see ffmpeg.source()

    video = require_video(probe)
    width, height = size
    options = {"skip_frame": skip_frame} if skip_frame else {}
    if not deblock:
        options["skip_loop_filter"] = "all"
    if offset_s > 0:
        options["ss"] = f"{offset_s:.6f}"
    times_in, times_out = os.pipe()
    with ExitStack() as stack:
        times = stack.enter_context(os.fdopen(times_in, "rb"))
        try:
            given = ffmpeg.source(
                path, max_pixels=picture.max_pixels(video), threads=threads, **options
            )
            stream = given[str(video.index)].filter("select", select)
            stream = picture.rendered(stream, video, size)
            # The print filter rounds seconds to six digits, but not ticks. It prints only frames
            # with metadata.
            stream = stream.filter("settb", f"1/{_TICKS}").filter(
                "metadata", mode="add", key="videodrop", value=1
            )
            stream = stream.filter("metadata", mode="print", file=f"pipe:{times_out}", direct=1)
            node = stream.output("pipe:1", format="rawvideo", pix_fmt="rgb24", vsync="passthrough")
            node = ffmpeg.on_whole_clock(node, given, probe.streams)
            child = stack.enter_context(
                ffmpeg.pipe(node, report=report, threads=threads, pass_fds=(times_out,))
            )
        finally:
            os.close(times_out)  # only ffmpeg writes, so its exit closes the pipe
        count, time_s = 0, offset_s
        while len(pixels := child.read(width * height * 3)) == width * height * 3:
            time_s = _time(times, offset_s, default=time_s)
            yield Frame(time_s, np.frombuffer(pixels, np.uint8).reshape(height, width, 3))
            count += 1
        heard = ffmpeg.judge(child)
        if complaints is not None:
            complaints.merge(heard)
        if not count and offset_s == 0:
            raise BadInput("undecodable", "No frame of the video could be decoded.")


def _time(times: IO[bytes], offset_s: float, *, default: float) -> float:
    while line := times.readline():
        if match := _PTS.search(line):
            return offset_s + int(match[1]) / _TICKS
        if line.startswith(b"frame:"):
            break  # a frame without a timestamp
    return default
