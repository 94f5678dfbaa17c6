"""``whisper.transcribe`` with the settings of our stage: greedy, word times, no earlier text.

Options: ``checkpoint``, ``alignment`` (heads as [layer, head], or none), ``threads``, ``language``,
``device`` (16 bits on a GPU).
"""

from pathlib import Path
from typing import Any

import torch
import whisper

from benchmarks.alternatives.job import Job, perform, write_words


def load(job: Job) -> Any:
    """Load the checkpoint, with the heads that the published model aligns by."""
    torch.set_num_threads(job.options["threads"])
    model = whisper.load_model(job.options["checkpoint"], device=job.options.get("device", "cpu"))
    if heads := job.options.get("alignment"):
        mask = torch.zeros(model.dims.n_text_layer, model.dims.n_text_head, dtype=torch.bool)
        for layer, head in heads:
            mask[layer, head] = True
        model.register_buffer("alignment_heads", mask.to_sparse(), persistent=False)
    return model


def work(model: Any, video: Path, folder: Path, job: Job) -> None:
    """Transcribe a video."""
    answer = model.transcribe(
        str(video),
        language=job.options.get("language"),
        temperature=0.0,
        condition_on_previous_text=False,
        word_timestamps=True,
        fp16=job.options.get("device", "cpu") != "cpu",
    )
    found = (word for segment in answer["segments"] for word in segment["words"])
    write_words(((word["word"], word["start"], word["end"]) for word in found), folder)


if __name__ == "__main__":
    perform(load, work)
