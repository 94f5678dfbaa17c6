"""Sound of the renditions: stereo at 48 kHz, as loud as the source, without clipping."""

import contextlib
import os
from collections.abc import Iterable

from pipeline.core.errors import BadInput
from pipeline.core.location import Location
from pipeline.core.media_info import AudioStream
from pipeline.core.progress import Report
from pipeline.media import ffmpeg

RATE = 48_000
"""Samples a second of the renditions."""
# -2 dBFS, as in ATSC A/85: AAC adds to the peaks of what was mixed or amplified.
_CEILING = 0.794
_STEREO = 2
_PIXELS = 1 << 26  # ffmpeg decodes a first frame of the picture to read the streams
_SILENCE_LUFS = -70.0  # the gate of BS.1770: what is quieter has no loudness
_MOST_GAIN_DB = 30.0  # more would make a recording of noise loud


def filters(track: AudioStream, duration_s: float, gain_db: float | None = None) -> str:
    """Return the filters of a track's output: stereo from time 0 to ``duration_s``.

    Silence fills a late start, gaps and the end. Channels are mixed by ITU-R BS.775. A limiter
    keeps the mix below full scale, and changes nothing that is below it already.

    They are the filters of that output alone: in a graph with the picture, they would start again
    whenever the picture's size changes.

    Args:
        track: its record.
        duration_s: of the file.
        gain_db: of the loudness normalisation; None for none.
    """
    gain = [] if gain_db is None else [f"volume={gain_db:.2f}dB:precision=float"]
    ceiling = 1.0 if gain_db is None and track.channels <= _STEREO else _CEILING
    limiter = f"alimiter=limit={ceiling}:level=0:latency=1"
    return ",".join([*_stereo(track), *gain, limiter, f"apad=whole_dur={duration_s:.6f}"])


def gains(
    path: Location, audio: Iterable[AudioStream], target_lufs: float | None, report: Report
) -> dict[int, float]:
    """Return the gain in dB of each track for the loudness ``target_lufs`` (EBU R128).

    A track is decoded and measured as a whole, so that one gain holds for all of it.

    Returns:
        gains by stream index: none without a target, nor for tracks that are silent or damaged.

    Raises:
        VideodropError: see ``ffmpeg.judge``.
    """
    found: dict[int, float] = {}
    if target_lufs is None:
        return found
    for track in audio:
        with contextlib.suppress(BadInput):  # its encoding will report it
            loudness = _loudness(path, track, report)
            if loudness > _SILENCE_LUFS:
                found[track.index] = min(_MOST_GAIN_DB, target_lufs - loudness)
    return found


def _loudness(path: Location, track: AudioStream, report: Report) -> float:
    """Return the integrated loudness of a track in LUFS."""
    import ffmpeg as fluent  # noqa: PLC0415 - stage modules import nothing heavy before they run

    given = ffmpeg.source(path, max_pixels=_PIXELS)
    key = "lavfi.r128.I"
    chain = (*_stereo(track), "ebur128=metadata=1", f"ametadata=print:key={key}:file=-")
    sound = given[str(track.index)]
    loudness = _SILENCE_LUFS
    node = fluent.output(sound, os.devnull, format="null", af=",".join(chain))
    with ffmpeg.pipe(node, report=report) as child:
        for line in child.lines():
            name, _, value = line.partition("=")
            if name == key:
                loudness = float(value)
        ffmpeg.judge(child)
    return loudness


def decodes(path: Location, track: AudioStream, report: Report) -> bool:
    """Return whether anything of a track can be decoded; its output is silence otherwise."""
    given = ffmpeg.source(path, max_pixels=_PIXELS)
    node = given[str(track.index)].output("pipe:1", format="s16le")
    with ffmpeg.pipe(node, report=report) as child:
        return bool(child.read(1))


def disposition(track: AudioStream, *, default: bool) -> str:
    """Return the flags of a track in ffmpeg's notation."""
    flags = {
        "default": default,
        "comment": track.commentary,
        "visual_impaired": track.described,
    }
    return "+".join(name for name, is_set in flags.items() if is_set) or "0"


def _stereo(track: AudioStream) -> list[str]:
    """Return filters to stereo; mono is as loud in both channels as it was in one."""
    # A mix of integers would be divided by the sum of its shares.
    stereo = "aformat=sample_fmts=fltp:channel_layouts=stereo"
    resampled = f"aresample={RATE}:async=1:first_pts=0"
    if track.channels != 1:
        return [resampled, stereo]
    # As the centre of a larger layout, which also fits a stream that turns stereo later.
    centre = "aformat=sample_fmts=fltp:channel_layouts=5.0(side)"
    return [resampled, centre, "aresample=center_mix_level=1", stereo]
