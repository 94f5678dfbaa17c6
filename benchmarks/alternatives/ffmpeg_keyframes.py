"""A poster and a storyboard by ffmpeg of keyframes alone, as a careful script makes them.

Options: ``side``, ``poster_s``, ``widths``, ``threads``.
"""

from pathlib import Path

from benchmarks.alternatives.command import ffmpeg, nothing
from benchmarks.alternatives.job import Job, perform


def work(_: None, video: Path, folder: Path, job: Job) -> None:
    """Decode the keyframes for the tiles, and seek to the poster's time for the poster."""
    o = job.options
    threads = ("-threads", str(o["threads"]))
    tiles = f"scale={o['side']}:-2,tile=10x10"
    sheet = ("-vsync", "0", "-vf", tiles, "-q:v", "4", folder / "sheet-%03d.jpg")
    ffmpeg(*threads, "-skip_frame", "nokey", "-i", video, *sheet)
    posters: list[str | Path] = []
    for width in o["widths"]:
        for suffix, codec, quality in (("jpg", "mjpeg", "3"), ("webp", "libwebp", "82")):
            one = ("-frames:v", "1", "-vf", f"scale={width}:-2", "-c:v", codec, "-q:v", quality)
            posters += [*one, folder / f"poster-{width}.{suffix}"]
    ffmpeg(*threads, "-ss", str(o["poster_s"]), "-i", video, *posters)


if __name__ == "__main__":
    perform(nothing, work)
