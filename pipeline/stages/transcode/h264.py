"""H.264: the encoder of this machine, its options, and the sources that need no encoding."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.media_info import Probe
from pipeline.media import colour, ffmpeg
from pipeline.stages.transcode import ladder
from pipeline.stages.transcode.gop import Gops
from pipeline.stages.transcode.ladder import Rung
from pipeline.stages.transcode.spans import ROUNDING_S

_PROFILES = {"Constrained Baseline", "Main", "High"}
_MAX_LEVEL = 51
# A video that starts at most this late counts as starting at 0.
ON_TIME_S = 0.05
# NVENC rejects smaller frames. x264 encodes frames of this size quickly.
_NVENC_WIDTH, _NVENC_HEIGHT = 160, 64
# x264 then takes their cost five times as high, and chooses none. With ``bf`` 0, ranges of one
# rendition would have different headers.
_NO_B_FRAMES = {"x264-params": "b-bias=-100"}


@cache
def encoder() -> str:
    """Return ``h264_nvenc`` if it works (data centre GPUs lack it), else ``libx264``."""
    if not Path("/dev/nvidiactl").exists():
        return "libx264"
    frame = ("-f", "lavfi", "-i", "color=s=256x256", "-frames:v", "1")
    works = ffmpeg.works(*frame, "-c:v", "h264_nvenc", "-f", "null", "-")
    return "h264_nvenc" if works else "libx264"


def options(
    rung: Rung, *, crf: int, preset: str, keyframes: str, b_frames: bool = True
) -> dict[str, Any]:
    """Return output options for one rendition: constant quality with a maximum bit rate.

    Args:
        rung: its size and maximum bit rate.
        crf: quality, lower is better.
        preset: that of x264; NVENC gets the middle of its own scale.
        keyframes: where they are, of ``every`` or ``at``, or ``source`` for those of the source.
            There are no others, so that renditions stay aligned.
        b_frames: whether frames may be decoded in another order than they are shown.
    """
    large = rung.width >= _NVENC_WIDTH and rung.height >= _NVENC_HEIGHT
    name = encoder() if large else "libx264"
    common = {
        "c:v": name,
        "profile:v": "high",
        "maxrate": rung.max_bps,
        "bufsize": 2 * rung.max_bps,
        "g": 100_000,
        "forced-idr": 1,
        "force_key_frames": keyframes,
    }
    if name == "libx264":
        common |= {"crf": crf, "preset": preset, "sc_threshold": 0}
        return common if b_frames else common | _NO_B_FRAMES
    common |= {"rc": "vbr", "cq": crf, "b:v": 0, "preset": "p4", "no-scenecut": 1}
    return common if b_frames else common | {"bf": 0}


def every(gop_s: float, start_s: float) -> str:
    """Return keyframes at the first frame at or after each multiple of ``gop_s`` seconds.

    Args:
        gop_s: the distance.
        start_s: time of the first frame, from which ffmpeg counts.
    """
    late_s = start_s + ROUNDING_S
    slot, last = (f"floor(({time}+{late_s:.6f})/{gop_s})" for time in ("t", "prev_forced_t"))
    return f"expr:isnan(prev_forced_t)+gt({slot},{last})"


def at(times: Iterable[float]) -> str:
    """Return keyframes at the first frame at or after each time, in seconds."""
    return ",".join(f"{max(0.0, time - ROUNDING_S):.6f}" for time in times)


def looks_conforming(probe: Probe, *, max_side: int, max_fps: float) -> bool:
    """Return whether the header allows the source to be the top rendition itself."""
    video = probe.video
    return bool(
        video
        and probe.container.startswith(("mov,", "matroska,"))  # parameter sets out of band
        and video.codec == "h264"
        and video.profile in _PROFILES
        and (video.level or 99) <= _MAX_LEVEL
        and video.pix_fmt == "yuv420p"
        and video.hdr is None
        and not colour.converted(video)
        and video.rotation == 0
        and not video.mirrored
        and video.square_pixels
        and not video.interlaced
        and video.width % 2 == video.height % 2 == 0
        and min(video.width, video.height) <= max_side
        and max(video.width, video.height) <= ladder.MAX_SIDE
        and video.fps <= max_fps * 1.001
        and video.start_s <= ON_TIME_S
    )


def conforms(probe: Probe, gops: Gops, *, max_gop_s: float) -> bool:
    """Return whether the GOPs and the bit rate of a source that looks conforming are suitable."""
    video = probe.video
    return bool(
        video
        and gops.starts_with_key
        and gops.closed
        and gops.longest_s <= max_gop_s
        and gops.bit_rate <= 1.5 * ladder.ceiling(video.width, video.height, video.fps)
    )
