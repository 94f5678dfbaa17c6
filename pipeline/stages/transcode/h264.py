"""H.264: the encoder of this machine, its options, and the sources that need no encoding."""

from functools import cache
from pathlib import Path
from typing import Any

from pipeline.core.media_info import Probe
from pipeline.media import ffmpeg
from pipeline.stages.transcode import ladder
from pipeline.stages.transcode.gop import Gops
from pipeline.stages.transcode.ladder import Rung

_PROFILES = {"Constrained Baseline", "Main", "High"}
_MAX_LEVEL = 51
# A video that starts at most this late counts as starting at 0.
ON_TIME_S = 0.05
# NVENC rejects smaller frames. x264 encodes frames of this size quickly.
_NVENC_WIDTH, _NVENC_HEIGHT = 160, 64


@cache
def encoder() -> str:
    """Return ``h264_nvenc`` if it works (data centre GPUs lack it), else ``libx264``."""
    if not Path("/dev/nvidiactl").exists():
        return "libx264"
    frame = ("-f", "lavfi", "-i", "color=s=256x256", "-frames:v", "1")
    works = ffmpeg.works(*frame, "-c:v", "h264_nvenc", "-f", "null", "-")
    return "h264_nvenc" if works else "libx264"


def options(rung: Rung, *, crf: int, preset: str, gop_s: float | None) -> dict[str, Any]:
    """Return output options for one rendition: constant quality with a maximum bit rate.

    Args:
        rung: its size and maximum bit rate.
        crf: quality, lower is better.
        preset: that of x264; NVENC gets the middle of its own scale.
        gop_s: a keyframe at the first frame at or after each multiple of this many seconds; None
            for the source's keyframes. There are no others, so that renditions stay aligned.
    """
    large = rung.width >= _NVENC_WIDTH and rung.height >= _NVENC_HEIGHT
    name = encoder() if large else "libx264"
    if gop_s is None:
        keyframes = "source"
    else:  # timestamps are rounded: half a millisecond before a multiple counts as on it
        slot, last = f"floor((t+0.0005)/{gop_s})", f"floor((prev_forced_t+0.0005)/{gop_s})"
        keyframes = f"expr:isnan(prev_forced_t)+gt({slot},{last})"
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
        return common | {"crf": crf, "preset": preset, "sc_threshold": 0}
    return common | {"rc": "vbr", "cq": crf, "b:v": 0, "preset": "p4", "no-scenecut": 1}


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
        and video.rotation == 0
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
