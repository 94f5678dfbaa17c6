"""faster-whisper with the settings of our stage: 8 bits, greedy, word times, voice activity.

Options: ``folder`` (a CTranslate2 model), ``threads``, ``batched``, ``batch``, ``language``,
``device`` (16 bits on a GPU). It runs with the packages of ``.venv/faster-whisper``.
"""

from pathlib import Path
from typing import Any

from faster_whisper import BatchedInferencePipeline, WhisperModel

from benchmarks.alternatives.job import Job, perform, write_words

_BATCH = 8


def load(job: Job) -> Any:
    """Load the model."""
    device = job.options.get("device", "cpu")
    model = WhisperModel(
        job.options["folder"],
        device=device,
        compute_type="int8" if device == "cpu" else "float16",
        cpu_threads=job.options["threads"],
        local_files_only=True,
    )
    return BatchedInferencePipeline(model) if job.options["batched"] else model


def work(model: Any, video: Path, folder: Path, job: Job) -> None:
    """Transcribe a video."""
    more = {"batch_size": job.options.get("batch", _BATCH)} if job.options["batched"] else {}
    segments, _ = model.transcribe(
        str(video),
        language=job.options.get("language"),
        beam_size=1,
        temperature=0.0,
        condition_on_previous_text=False,
        word_timestamps=True,
        vad_filter=True,
        **more,
    )
    found = (word for segment in segments for word in segment.words)
    write_words(((word.word, word.start, word.end) for word in found), folder)


if __name__ == "__main__":
    perform(load, work)
