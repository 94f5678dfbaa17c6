"""An HLS ladder by one run of ffmpeg for each rung, and an MP4 of the top one.

Options: ``rungs`` (short sides, the largest first), ``crf``, ``preset``, ``threads``.
"""

from pathlib import Path

from benchmarks.alternatives.command import ffmpeg, nothing
from benchmarks.alternatives.job import Job, perform


def work(_: None, video: Path, folder: Path, job: Job) -> None:
    """Encode every rung from the source."""
    o = job.options
    quality = ("-preset", o["preset"], "-crf", str(o["crf"]), "-threads", str(o["threads"]))
    picture = ("-c:v", "libx264", "-pix_fmt", "yuv420p", *quality)
    keyframes = ("-force_key_frames", "expr:gte(t,n_forced*2)", "-sc_threshold", "0")
    sound = ("-c:a", "aac", "-b:a", "128k")
    for side in o["rungs"]:
        rung = folder / str(side)
        rung.mkdir()
        scaled = ("-vf", f"scale=-2:{side}")
        pieces = ("-hls_time", "6", "-hls_playlist_type", "vod", "-hls_segment_type", "fmp4")
        target = rung / "index.m3u8"
        ffmpeg("-i", video, *scaled, *picture, *keyframes, *sound, *pieces, target)
    top = folder / str(o["rungs"][0]) / "index.m3u8"
    ffmpeg("-i", top, "-c", "copy", "-movflags", "+faststart", folder / "video.mp4")


if __name__ == "__main__":
    perform(nothing, work)
