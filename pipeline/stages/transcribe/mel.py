"""The input of Whisper: log-mel spectrograms, computed by numpy.

The definition is that of openai-whisper (``whisper/audio.py``): 25 ms Hann windows every 10 ms,
filters on Slaney's mel scale, and the logarithm limited to 8 decades below its largest value.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipeline.stages.transcribe.engine import Samples

    Spectrogram = NDArray[np.float32]

RATE = 16_000
HOP = 160
FRAMES = 3000
"""Most frames in the input of the model: 30 seconds."""

_WINDOW = 400
_LINEAR_TO = 1000.0  # Hz; above it, Slaney's scale is logarithmic
_HZ_PER_MEL = 200 / 3
_LOG_STEP = 0.06875177742094912  # ln(6.4) / 27
_DECADES = 8.0


def log_mel(samples: "Samples", bins: int, count: int = FRAMES) -> "Spectrogram":
    """Return the log-mel spectrogram of a window, padded with silence.

    Args:
        samples: float32 at 16 kHz, [samples].
        bins: mel bins of the model, 80 or 128.
        count: frames of the result.

    Returns:
        float32, [bins, count].
    """
    import numpy as np  # noqa: PLC0415 - stage modules import nothing heavy before they run

    length = count * HOP
    spoken = min(len(samples), length)
    # Frames are centred on their time; the signal is mirrored at its start, as torch's stft does.
    padded = np.zeros(length + _WINDOW, np.float32)
    half = _WINDOW // 2
    padded[half : half + spoken] = samples[:spoken]
    padded[:half] = padded[2 * half : half : -1]
    # Frames past the end hold silence only.
    heard = min(count, spoken // HOP + 3)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[: heard * HOP : HOP]
    window = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
    power = np.abs(np.fft.rfft(frames * window, axis=1)) ** 2
    mel = np.full((bins, count), 1e-10, np.float32)
    mel[:, : len(power)] = np.maximum(_filters(bins) @ power.T.astype(np.float32), 1e-10)
    mel = np.log10(mel)
    mel = np.maximum(mel, mel.max() - _DECADES)
    result: Spectrogram = ((mel + 4.0) / 4.0).astype(np.float32)
    return result


@lru_cache(maxsize=2)
def _filters(bins: int) -> "Spectrogram":
    """Return triangular filters of equal area on Slaney's mel scale; float32, [bins, 201]."""
    import numpy as np  # noqa: PLC0415 - see above

    top = _LINEAR_TO / _HZ_PER_MEL
    last = top + np.log(RATE / 2 / _LINEAR_TO) / _LOG_STEP
    mels = np.linspace(0, last, bins + 2)
    edges = np.where(mels < top, mels * _HZ_PER_MEL, _LINEAR_TO * np.exp(_LOG_STEP * (mels - top)))
    bands = np.fft.rfftfreq(_WINDOW, 1 / RATE)
    rising = (bands - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bands) / (edges[2:] - edges[1:-1])[:, None]
    area = 2 / (edges[2:] - edges[:-2])[:, None]
    weights: Spectrogram = (np.clip(np.minimum(rising, falling), 0, None) * area).astype(np.float32)
    return weights
