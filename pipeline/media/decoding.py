"""The decoder of frames: those that an expression selects, each with its presentation time."""

import os
import re
from collections.abc import Generator
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, NamedTuple

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import Probe, VideoStream
from pipeline.core.progress import Report
from pipeline.media import ffmpeg, picture, seeking
from pipeline.media.process import Complaints

if TYPE_CHECKING:
    import numpy as np

_TICKS = 1_000_000
# Otherwise ffmpeg fails if two thirds of the frames cannot be decoded: those of a part may all be.
_DAMAGED = ("-max_error_rate", "1")
_PTS = re.compile(rb"pts:(-?[0-9]+)")


class Frame(NamedTuple):
    """A frame and its time.

    Attributes:
        time_s: its presentation time on the file's timeline (see ``media_info.VideoStream``).
        image: uint8 RGB, [height, width, 3]; upright, square pixels, SDR; read-only.
        key: whether only keyframes were decoded to find it.
    """

    time_s: float
    image: "np.ndarray"
    key: bool = False


def require_video(probe: Probe) -> VideoStream:
    """Return the video track.

    Raises:
        BadInput: ``no_video``.
    """
    if probe.video is None:
        raise BadInput("no_video", "The file has audio but no video.")
    return probe.video


def decoded(
    path: Location,
    probe: Probe,
    select: str,
    *,
    size: tuple[int, int],
    report: Report | None,
    threads: int | None,
    complaints: Complaints | None,
    start_s: float = 0.0,
    end_s: float | None = None,
    offset_s: float = 0.0,
    skip_frame: str | None = None,
    deblock: bool = True,
) -> Generator[Frame]:
    """Yield the frames that the ffmpeg expression ``select`` chooses, in all or a part of a file.

    A part has the same frames at the same times as one pass: those with ``start_s`` <= time <
    ``end_s``, to the microsecond. Decoding begins at a keyframe before them, or at the beginning of
    a file that ``Probe.seeks`` says no of. In ``select``, ``prev_selected_t`` is NaN at first in
    each part. At the ends of a part of interlaced video, pixels lack their neighbours in time.

    Pixels come through stdout and times through a second pipe. ffmpeg writes a frame's time before
    its pixels, so reading the pixels first never blocks on the time.

    Args:
        path: the file that ``probe`` describes.
        probe: of a file with video.
        select: an expression of ffmpeg's filter of this name.
        size: width and height of the frames.
        report: its deadline limits the decoding.
        threads: decoder and filter threads; see ``ffmpeg``.
        complaints: collects the decoder's error lines.
        start_s: start of the part, seconds.
        end_s: its end; None for the end of the file.
        offset_s: seek to about this time, for a single frame; where the clock jumps, it is another.
        skip_frame: the frames that are not decoded, in ffmpeg's words.
        deblock: False decodes without the loop filter.

    Raises:
        BadInput: ``no_video``; ``undecodable``: no frame of the file could be decoded.
        VideodropError: see ``ffmpeg.judge``.
    """
    import numpy as np  # noqa: PLC0415 - see ffmpeg.source()

    video = require_video(probe)
    width, height = size
    options: dict[str, str | None] = {"skip_frame": skip_frame} if skip_frame else {}
    if not deblock:
        options["skip_loop_filter"] = "all"
    if offset_s > 0:
        options["ss"] = f"{offset_s:.6f}"
    part = _part(start_s, end_s)
    options |= seeking.options(seeking.before(path, probe, start_s))
    times_in, times_out = os.pipe()
    with ExitStack() as stack:
        times = stack.enter_context(os.fdopen(times_in, "rb"))
        try:
            given = ffmpeg.source(
                path, max_pixels=picture.max_pixels(video), threads=threads, **options
            )
            stream = given[str(video.index)]
            if part:
                stream = stream.filter("settb", f"1/{_TICKS}").filter("trim", **part)
            stream = picture.rendered(stream.filter("select", select), video, size)
            # The print filter rounds seconds to six digits, but not ticks. It prints only frames
            # with metadata.
            stream = stream.filter("settb", f"1/{_TICKS}").filter(
                "metadata", mode="add", key="videodrop", value=1
            )
            stream = stream.filter("metadata", mode="print", file=f"pipe:{times_out}", direct=1)
            node = stream.output("pipe:1", format="rawvideo", pix_fmt="rgb24", vsync="passthrough")
            if part:
                node = node.global_args(*_DAMAGED)
            if part and probe.seeks:
                node = node.global_args(*seeking.ONE_CLOCK)
            else:
                node = ffmpeg.on_whole_clock(node, given, probe.streams)
            child = stack.enter_context(
                ffmpeg.pipe(node, report=report, threads=threads, pass_fds=(times_out,))
            )
        finally:
            os.close(times_out)  # only ffmpeg writes, so its exit closes the pipe
        count, time_s = 0, offset_s
        while len(pixels := child.read(width * height * 3)) == width * height * 3:
            time_s = _time(times, offset_s, default=time_s)
            image = np.frombuffer(pixels, np.uint8).reshape(height, width, 3)
            yield Frame(time_s, image, skip_frame == "nokey")
            count += 1
        heard = ffmpeg.judge(child)
        if complaints is not None and not (start_s > 0 and seeking.caused(heard)):
            complaints.merge(heard)
        if not count and offset_s == 0 and not part:
            raise BadInput("undecodable", "No frame of the video could be decoded.")


def _part(start_s: float, end_s: float | None) -> dict[str, int]:
    """Return the options of the trim filter in ticks; none for a whole file."""
    start = {"start_pts": round(start_s * _TICKS)} if start_s > 0 else {}
    return start if end_s is None else start | {"end_pts": round(end_s * _TICKS)}


def _time(times: IO[bytes], offset_s: float, *, default: float) -> float:
    while line := times.readline():
        if match := _PTS.search(line):
            return offset_s + int(match[1]) / _TICKS
        if line.startswith(b"frame:"):
            break  # a frame without a timestamp
    return default
