"""``whisper.transcribe`` with its own defaults, and word times.

The defaults include higher temperatures after failures and earlier text as the prompt. Options: as
of ``whisper_greedy``.
"""

from pathlib import Path
from typing import Any

import torch

from benchmarks.alternatives.job import Job, perform, write_words
from benchmarks.alternatives.whisper_greedy import load


def work(model: Any, video: Path, folder: Path, job: Job) -> None:
    """Transcribe a video."""
    torch.manual_seed(0)  # for temperatures above zero
    language = job.options.get("language")
    answer = model.transcribe(str(video), language=language, word_timestamps=True, fp16=False)
    found = (word for segment in answer["segments"] for word in segment["words"])
    write_words(((word["word"], word["start"], word["end"]) for word in found), folder)


if __name__ == "__main__":
    perform(load, work)
