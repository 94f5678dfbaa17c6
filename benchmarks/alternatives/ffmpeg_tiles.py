"""A poster and a storyboard by ffmpeg's filters ``fps``, ``scale`` and ``tile``.

Options: ``every_s``, ``side``, ``poster_s``, ``threads``.
"""

from pathlib import Path

from benchmarks.alternatives.command import ffmpeg, nothing
from benchmarks.alternatives.job import Job, perform


def work(_: None, video: Path, folder: Path, job: Job) -> None:
    """Decode the whole video for the tiles, and to the poster's time for the poster."""
    o = job.options
    threads = ("-threads", str(o["threads"]))
    tiles = f"fps=1/{o['every_s']},scale={o['side']}:-2,tile=10x10"
    ffmpeg(*threads, "-i", video, "-vf", tiles, "-q:v", "4", folder / "sheet-%03d.jpg")
    at = ("-ss", str(o["poster_s"]), "-frames:v", "1")
    ffmpeg(*threads, "-i", video, *at, "-q:v", "3", folder / "poster.jpg")


if __name__ == "__main__":
    perform(nothing, work)
