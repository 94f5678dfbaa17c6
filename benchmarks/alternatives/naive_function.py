"""One of four functions that each download a video, decode it for themselves and upload files.

Options: ``function``, ``bucket``, ``keys`` (by file name), and those of the function.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from benchmarks.alternatives.job import Job, perform

Work = Callable[[Any, Path, Path, Job], None]


def load(job: Job) -> tuple[Any, Any, Work]:
    """Load the function's model and make its client, as a warm function has them."""
    tool, process = _function(job)
    return boto3.client("s3"), tool, process


def work(loaded: tuple[Any, Any, Work], video: Path, folder: Path, job: Job) -> None:
    """Download, process, upload."""
    s3, tool, process = loaded
    bucket, key = job.options["bucket"], job.options["keys"][video.name]
    local = folder.parent / f"downloaded-{video.name}"
    s3.download_file(bucket, key, str(local))
    process(tool, local, folder, job)
    for file in folder.rglob("*"):
        if file.is_file():
            s3.upload_file(str(file), bucket, f"results/{key}/{file.relative_to(folder)}")
    local.unlink()


def _function(job: Job) -> tuple[Any, Work]:
    """Return the tool and the work of the function; only its own libraries are imported."""
    name = job.options["function"]
    if name == "transcribe":
        from benchmarks.alternatives import whisper_defaults, whisper_greedy  # noqa: PLC0415 - imports torch

        return whisper_greedy.load(job), whisper_defaults.work
    if name == "detect":
        from benchmarks.alternatives import yolo_predict  # noqa: PLC0415 - imports torch

        return yolo_predict.load(job), yolo_predict.work
    from benchmarks.alternatives import ffmpeg_rungs, ffmpeg_tiles  # noqa: PLC0415 - as above

    return None, ffmpeg_rungs.work if name == "transcode" else ffmpeg_tiles.work


if __name__ == "__main__":
    perform(load, work)
