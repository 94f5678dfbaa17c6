"""Voice activity: the probability of speech in each 32 ms of audio.

The model is Silero's (MIT, https://github.com/snakers4/silero-vad), in the form that scores many
frames in one call. It is a file beside this module, and ONNX Runtime runs it on the CPU.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.telemetry import metrics, names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.stages.transcribe.engine import Samples

RATE = 16_000
FRAME = 512
"""Samples in one frame, the only length that the model accepts at 16 kHz."""

FRAME_S = FRAME / RATE

_MODEL = Path(__file__).parent / "silero_vad_16k_sequence.onnx"
_CONTEXT = 64  # samples of the frame before, which the model needs
_MOST = 512  # frames in one call
_STATE = (1, 1, 128)


def blocks(chunks: Iterable["Samples"]) -> Iterator["NDArray[np.float32]"]:
    """Cut chunks of any length into blocks of frames; the last frame is padded with silence.

    Yields:
        float32, [frames, 512]; at most 512 frames.
    """
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

    rest = np.zeros(0, np.float32)
    for chunk in chunks:
        rest = np.concatenate([rest, chunk])
        whole = len(rest) // FRAME
        for first in range(0, whole, _MOST):
            yield rest[first * FRAME : min(whole, first + _MOST) * FRAME].reshape(-1, FRAME)
        rest = rest[whole * FRAME :]
    if len(rest):
        yield np.pad(rest, (0, FRAME - len(rest))).reshape(1, FRAME)


def scored(audio: Iterable["NDArray[np.float32]"]) -> Iterator[tuple["Samples", float]]:
    """Yield each frame of blocks with its probability of speech, 0 to 1."""
    import numpy as np  # noqa: PLC0415 - see above

    session = load()
    hidden = np.zeros(_STATE, np.float32)
    cell = np.zeros(_STATE, np.float32)
    before = np.zeros(_CONTEXT, np.float32)
    for block in audio:
        contexts = np.vstack([before, block[:-1, -_CONTEXT:]])
        before = block[-1, -_CONTEXT:].copy()
        scores, hidden, cell = session.run(
            ["speech_probs", "hn", "cn"],
            {"input": np.hstack([contexts, block]), "h": hidden, "c": cell},
        )
        # Copies: one kept view would keep its whole block.
        yield from (
            (frame.copy(), float(score)) for frame, score in zip(block, scores, strict=True)
        )


@lru_cache(maxsize=1)
@metrics.timed(names.MODEL_LOAD, engine="silero-vad")
def load() -> Any:
    """Return the model's session, loaded once; it has no state of its own."""
    import onnxruntime  # noqa: PLC0415 - see above

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # a harmless warning about unused values
    return onnxruntime.InferenceSession(_MODEL, options, providers=["CPUExecutionProvider"])
