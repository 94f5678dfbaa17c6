"""``whisper.transcribe`` with the defaults of the ``whisper`` command, in a warm process.

The defaults are beam search with 5 hypotheses, higher temperatures after failures, and earlier text
as the prompt. There are no word times. Options: as of ``whisper_greedy``, and ``word_times``.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.alternatives.job import Job, perform, write_words
from benchmarks.alternatives.whisper_greedy import load


def work(model: Any, video: Path, folder: Path, job: Job) -> None:
    """Transcribe a video."""
    word_times = bool(job.options.get("word_times"))
    answer = model.transcribe(
        str(video),
        language=job.options.get("language"),
        beam_size=5,
        best_of=5,
        temperature=tuple(np.arange(0, 1.0 + 1e-6, 0.2)),
        word_timestamps=word_times,
        fp16=False,
    )
    found = []
    for segment in answer["segments"]:
        if word_times:
            found += [(word["word"], word["start"], word["end"]) for word in segment["words"]]
        else:
            found += [(text, segment["start"], segment["end"]) for text in segment["text"].split()]
    write_words(found, folder)


if __name__ == "__main__":
    perform(load, work)
