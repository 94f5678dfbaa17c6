"""The frames of each rung: scaled, in standard colours, held where nothing moves, of one span."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.core.media_info import AudioStream, VideoStream
from pipeline.media import colour, picture
from pipeline.stages.transcode import h264, ladder
from pipeline.stages.transcode.ladder import Rung
from pipeline.stages.transcode.spans import ROUNDING_S, Span

# Matrices by swscale's names.
_SWSCALE = {"bt709": "bt709", "bt470bg": "bt470", "smpte170m": "smpte170m", "bt2020nc": "bt2020"}
_TICK_US = 1_000_000
# Repeated frames are this much later than keyframes are due: a time between the ticks of all usual
# clocks (1/90000, 1/1000, frame rates), so that it tells them from frames of the source.
_LATE_US = 13_706
_LAST_S = 0.05  # none is repeated for less than this
_STILL_FPS = 4  # with fewer frames, the next one may be late


@dataclass(frozen=True)
class Renditions:
    """The renditions to make of a source.

    Attributes:
        rungs: video renditions, largest first.
        copied: the first of them is a copy of the source's video.
        own_size: the first of them has the source's own size.
        b_frames: frames may be decoded in another order than they are shown.
        audio: tracks to encode.
        gains: gain in dB of tracks whose loudness is normalised, by stream index.
    """

    rungs: Sequence[Rung]
    copied: bool
    audio: Sequence[AudioStream]
    gains: Mapping[int, float] = field(default_factory=dict)
    own_size: bool = False
    b_frames: bool = True


@dataclass(frozen=True)
class Quality:
    """The encoding options; see the stage's parameters."""

    crf: int
    preset: str
    gop_s: float
    max_fps: float
    audio_bps: int


def frames(
    source: Any,
    video: VideoStream,
    rungs: Sequence[Rung],
    quality: Quality,
    span: Span,
    *,
    held: bool,
) -> list[Any]:
    """Return the frames of each rung to encode.

    Args:
        source: the ffmpeg-python stream of the source; None for black frames.
        video: its record.
        rungs: the sizes, largest first.
        quality: the encoding options.
        span: of the film; the first frame after it is included.
        held: whether frames are repeated where no other comes.
    """
    first = rungs[0]
    stream = (
        _black(first, quality.gop_s, span)
        if source is None
        else _shown(source, video, first, quality, span)
    )
    matrix, primaries, transfer = colour.shown(video)
    stream = stream.filter("scale", out_range="tv", out_color_matrix=_SWSCALE[matrix])
    stream = stream.filter("format", "yuv420p").filter(
        "setparams",
        range="tv",
        colorspace=matrix,
        color_primaries=primaries,
        color_trc=transfer,
    )
    if held:
        stream = _held(stream, first, quality.gop_s, span)
    if not span.whole:
        stream = stream.filter("select", _chosen(span))
    pictures = []
    for rung in rungs[1:]:
        branches = stream.filter_multi_output("split", 2)
        pictures.append(branches[0])
        stream = branches[1].filter("scale", rung.width, rung.height).filter("setsar", 1)
    return [*pictures, stream]


def _shown(source: Any, video: VideoStream, size: Rung, quality: Quality, span: Span) -> Any:
    """Return the frames of the source as they are to be shown."""
    if not span.last:
        source = source.filter("trim", end=f"{span.end_s + ahead(video, quality):.6f}")
    stream = picture.rendered(source, video, (size.width, size.height))
    if resampled(video, quality):
        rate = ladder.capped_rate(video.fps, quality.max_fps)
        fill = {"start_time": 0} if span.first else {}
        stream = stream.filter("fps", f"{rate or video.fps}", **fill)
    return stream


def _black(size: Rung, every_s: float, span: Span) -> Any:
    """Return black frames, one for each GOP of the span and one at its end."""
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    count = math.ceil((span.end_s - span.start_s) / every_s - 1e-6) + (not span.last)
    colour_ = f"color=black:s={size.width}x{size.height}:r=1:d={count}"
    stream = fluent.input(colour_, format="lavfi")["0"].filter("settb", f"1/{_TICK_US}")
    ends = round(span.end_s * _TICK_US)
    times = f"min({round(span.start_s * _TICK_US)}+N*{round(every_s * _TICK_US)},{ends})"
    return stream.filter("setpts", times).filter("setsar", 1)


def _chosen(span: Span) -> str:
    """Return the expression that is true for frames of the span, and for the first one after it."""
    start_s, end_s = span.start_s - ROUNDING_S, span.end_s - ROUNDING_S
    within = "1" if span.last else f"if(lt(t,{end_s:.6f}),1,if(ld(1),0,st(1,1)))"
    return within if span.first else f"if(lt(t,{start_s:.6f}),0,{within})"


def _held(stream: Any, rung: Rung, every_s: float, span: Span) -> Any:
    """Repeat the current frame about every ``every_s`` seconds while no other comes, to the end.

    A still part of a video with a variable frame rate then has keyframes, without which it would
    be one long segment. Frames of the source keep their times, and none is repeated while they
    come at least twice in ``every_s``.

    ``mix``, which is disabled here, passes the first input's latest frame whenever either input
    has a new one. So the second input, a picture without content, is a clock. Nothing is copied.
    """
    import ffmpeg as fluent  # noqa: PLC0415 - see node()

    every_us, late_s = round(every_s * _TICK_US), _LATE_US / _TICK_US
    # One at every multiple, and one before the start: mix begins when both inputs have.
    first = int(span.start_s / every_s + 1e-6) - 1
    end_s = span.film_s - _LAST_S if span.last else span.end_s + every_s
    count = int((end_s - late_s) / every_s) - first + 1
    clock = fluent.input(f"color=s={rung.width}x{rung.height}:r=1:d={count}", format="lavfi")["0"]
    times = f"{_LATE_US + first * every_us}+N*{every_us}"
    clock = clock.filter("settb", f"1/{_TICK_US}").filter("setpts", times)
    clock = clock.filter("format", "yuv420p")
    both = fluent.filter([stream, clock], "mix", inputs=2, duration="longest", enable=0)
    # ld(0) is the time of the last frame of the source, which st() stores.
    half = every_s / 2
    of_clock = f"lt(abs(mod(t-{late_s}+{half:.9g},{every_s:.9g})-{half:.9g}),0.000002)"
    return both.filter("select", f"if({of_clock},gte(t-ld(0),{half:.9g}),1+0*st(0,t))")


def resampled(video: VideoStream, quality: Quality) -> bool:
    """Return whether frames get new times: for a rate too high, or a late start to fill."""
    return video.start_s > h264.ON_TIME_S or bool(ladder.capped_rate(video.fps, quality.max_fps))


def ahead(video: VideoStream, quality: Quality) -> float:
    """Return within how many seconds after a span the next frame is expected."""
    if video.vfr or video.fps < _STILL_FPS:
        return quality.gop_s + 0.1
    return 0.25 + 1 / video.fps
