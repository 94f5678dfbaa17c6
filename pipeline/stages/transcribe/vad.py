"""Voice activity: the probability of speech in each 32 ms of audio (silero-vad, MIT, on the CPU).

The model is part of the silero-vad package and needs no network.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pipeline.stages.models.device import pin_threads
from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    from pipeline.stages.transcribe.engine import Samples

RATE = 16_000
FRAME = 512
"""Samples in one frame, the only length that the model accepts at 16 kHz."""

FRAME_S = FRAME / RATE


def frames(chunks: Iterable["Samples"]) -> Iterator["Samples"]:
    """Cut chunks of any length into frames; the last is padded with silence."""
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

    rest = np.zeros(0, np.float32)
    for chunk in chunks:
        rest = np.concatenate([rest, chunk])
        whole = len(rest) - len(rest) % FRAME
        yield from rest[:whole].reshape(-1, FRAME)
        rest = rest[whole:]
    if len(rest):
        yield np.pad(rest, (0, FRAME - len(rest)))


def scored(audio: Iterable["Samples"]) -> Iterator[tuple["Samples", float]]:
    """Yield each frame with its probability of speech, 0 to 1."""
    import torch  # noqa: PLC0415 - takes seconds to import

    model = load()
    model.reset_states()
    score: Callable[[Any, int], Any] = torch.inference_mode()(model)
    for frame in audio:
        # A copy: frames are views of whole chunks, and one kept view would keep its chunk.
        yield frame.copy(), float(score(torch.from_numpy(frame), RATE))


@lru_cache(maxsize=1)
@metrics.timed(names.MODEL_LOAD, engine="silero-vad")
def load() -> Any:
    """Return the model, loaded once; it has state, so use it for one stream at a time."""
    with warnings.catch_warnings():
        # It calls importlib.resources.path and torch.jit.load, which are deprecated.
        warnings.simplefilter("ignore")
        import silero_vad  # noqa: PLC0415 - imports torch

        model = silero_vad.load_silero_vad()
    pin_threads()
    return model
